"""Worlds in which one thing goes wrong on purpose, for bugs that the dice seldom show."""

import copy
from collections.abc import Callable

from tests.simulation import in_epicor, in_ramp, invariants, trouble, with_us
from tests.simulation.life import Life, Options, Violation, shortly

Script = Callable[[Life], None]
_WRITES = {"two_step": "UpdateMaster", "update_ext": "UpdateExt", "by_the_book": "UpdateMaster"}


def options(*, saves: str = "all", writer: str = "two_step", bills: int = 6) -> Options:
    """A small world of one kind."""
    settings = {"writer": writer, "lanes": 2, "after_entry_edits": "update"}
    return Options(bills=bills, saves=saves, settings=settings)


def everything_arrives(life: Life) -> None:
    while in_ramp.arrive(life):
        pass
    life.remember()


def run(life: Life, plan: dict[str, object] | None = None) -> None:
    """One run, disturbed only as planned."""
    life.remember()
    life.tell(f"run, {plan or 'undisturbed'}")
    answer = life.act("sync", dict(plan or {}))
    trouble.clear(life)
    life.counts["runs"] += 1
    life.tell(f"    → {shortly(answer)}")
    life.remember_more()
    invariants.after_act(life)


def one_arrives(life: Life) -> None:
    if life.to_come:
        row = life.to_come.pop(0)
        life.box.ramp.app.add_bill(row)
        life.tell(f"Ramp: bill {life.name(row['id'])} arrives")
    life.remember()


def undisturbed(life: Life) -> None:
    """Nothing goes wrong, so nobody has to do anything."""
    everything_arrives(life)
    run(life)
    for bill_id, posting in life.postings().items():
        if posting["hold_reason"] and life.verdict(bill_id).enterable:
            raise Violation("idle", f"bill {bill_id} waits without need: {posting['hold_message']}")


def refused(life: Life) -> None:
    """Epicor refuses a bill in its own words."""
    everything_arrives(life)
    life.trouble["refuse"] += 1
    life.box.epicor.fail_next(_write(life), "status", status=400, body=trouble.BUSINESS)
    run(life)


def late_and_renumbered(life: Life) -> None:
    """A write takes effect late, and meanwhile the bill gets another number."""
    everything_arrives(life)
    life.box.epicor.fail_next(_write(life), "late", times=2, until_told=True)
    run(life)
    for posting in life.postings().values():
        if posting["state"] != "confirmed" and not posting["hold_reason"]:
            _renumber(life, posting["bill_id"])
    life.pass_time(10.0)
    run(life)
    life.pass_time(150.0)
    run(life)
    life.apply_late()
    life.remember_more()
    invariants.after_act(life)
    life.pass_time(600.0)
    run(life)


def unstamped_and_renumbered(life: Life) -> None:
    """An answer is lost, a person erases our stamp, and the bill gets another number."""
    everything_arrives(life)
    life.box.epicor.fail_next(_write(life), "reset_after", times=6)
    run(life)
    for one in life.invoices():
        head = one["header"]
        bill_id = life.owners.get(head["SysRowID"])
        if bill_id and life.postings()[bill_id]["state"] == "in_doubt":
            life.box.epicor.app.edit_invoice(
                one["company"], head["VendorNum"], head["InvoiceNum"], {"ExternalID": ""}
            )
            life.touched.add(head["SysRowID"])
            life.tell(f"Epicor: somebody erases the stamp of bill {life.name(bill_id)}")
            _renumber(life, bill_id)
    for _ in range(3):
        life.pass_time(600.0)
        run(life)


def dies_everywhere(life: Life) -> None:
    """A process dies after each request of an entering run in turn."""
    for request in range(4, 16):
        one_arrives(life)
        run(life, {"die_at": [request, "after"]})
        life.pass_time(20 * 60.0)
        run(life)


def dies_when_ramp_was_told(life: Life) -> None:
    """A process dies as soon as Ramp has heard of an invoice, again and again."""
    for _ in range(6):
        one_arrives(life)
        run(life, {"die_after": "/accounting/syncs"})
        life.pass_time(20 * 60.0)
        run(life)


def asleep_everywhere(life: Life) -> None:
    """A process sleeps for longer than its lease before each request; others do its work."""
    for request in range(4, 16):
        one_arrives(life)
        life.tell(f"run A, it sleeps before request {request}")
        first = life.begin("sync", {"pause_at": [request]}, jumps={str(request): 1500.0})
        if first.until_pause() is not None:
            for _ in range(3):
                life.pass_time(480.0)
                answer = life.act("sync")
                life.tell(f"    run B meanwhile → {shortly(answer)}")
            first.go_on()
        outcome = life.end(first)
        life.tell(f"    A → {shortly(outcome.value)}")
        life.remember_more()
        invariants.after_act(life)
        life.pass_time(300.0)


def two_everywhere(life: Life) -> None:
    """Before each request of an entering run, in turn, another run comes along."""
    for request in range(4, 16):
        one_arrives(life)
        life.tell(f"run A, it stands still before request {request}")
        first = life.begin("sync", {"pause_at": [request]})
        if first.until_pause() is not None:
            life.pass_time(1.0)
            answer = life.act("sync")
            life.tell(f"    run B meanwhile → {shortly(answer)}")
            first.go_on()
        outcome = life.end(first)
        life.tell(f"    A → {shortly(outcome.value)}")
        life.remember_more()
        invariants.after_act(life)
        life.pass_time(300.0)


def spelled_twice_everywhere(life: Life) -> None:
    """A paper comes twice, spelled in two ways; between the requests of the run another runs."""
    for request in range(4, 16):
        one_arrives(life)
        if request % 3 == 0:
            in_ramp.upload_again(life)
            life.remember()
        life.tell(f"run A, it stands still before request {request}")
        first = life.begin("sync", {"pause_at": [request]})
        if first.until_pause() is not None:
            life.pass_time(1.0)
            in_ramp.upload_newest_again(life)
            life.remember_more()
            answer = life.act("sync")
            life.tell(f"    run B meanwhile → {shortly(answer)}")
            first.go_on()
        outcome = life.end(first)
        life.tell(f"    A → {shortly(outcome.value)}")
        life.remember_more()
        invariants.after_act(life)
        with_us.same(life)
        life.pass_time(300.0)


def numbered_everywhere(life: Life) -> None:
    """Numbers are taken and people give others, while a process dies after each request in turn."""
    for request in range(4, 16):
        one_arrives(life)
        in_epicor.type_other(life)
        run(life)
        with_us.give_number(life)
        run(life, {"die_at": [request, "after"]})
        if request % 2:
            with_us.give_number(life)  # perhaps refused, because a write has no answer yet
        life.pass_time(20 * 60.0)
        run(life)


def moved_in_doubt(life: Life) -> None:
    """Answers are lost, and meanwhile the bills belong to another company."""
    everything_arrives(life)
    life.box.epicor.fail_next(_write(life), "reset_after", times=4)
    run(life)
    for bill_id, posting in life.postings().items():
        if posting["state"] == "in_doubt":
            in_ramp.move(life, bill_id)
    for _ in range(4):
        life.pass_time(600.0)
        run(life)
    for bill_id, posting in life.postings().items():
        if posting["state"] == "entered" and posting["hold_reason"] in ("changed", "mismatch"):
            with_us.remove_one(life, bill_id, again=True)
    for _ in range(3):
        life.pass_time(600.0)
        run(life)


def typed_in_doubt(life: Life) -> None:
    """Writes get lost or come late, and meanwhile people type the same bills by hand."""
    everything_arrives(life)
    life.box.epicor.fail_next(_write(life), "reset_before", times=4)
    run(life)
    for bill_id, posting in life.postings().items():
        if posting["state"] == "in_doubt":
            in_epicor.type_bill(life, bill_id)
    for _ in range(4):
        life.pass_time(600.0)
        run(life)
    while with_us.ours(life):
        run(life)


def restored(life: Life) -> None:
    """An older backup of our database is put back, while both systems stay as they are."""
    # Bills that were made long ago are in no list that Ramp is asked for once they are synced.
    life.to_come.sort(key=lambda row: row["created_at"] >= in_ramp.LONG_AGO)
    for row in list(life.to_come):
        if row["created_at"] < in_ramp.LONG_AGO:
            one_arrives(life)
    run(life)
    life.box.epicor.fail_next(_write(life), "reset_after")
    one_arrives(life)
    run(life)
    copy = life.copy_database()
    everything_arrives(life)
    for _ in range(3):
        life.pass_time(600.0)
        run(life)
    before = {bill_id: posting["state"] for bill_id, posting in life.postings().items()}
    there = sorted(one["header"]["SysRowID"] for one in life.invoices())
    life.put_back(copy)
    life.tell(f"ours: a person says why the trail is behind: {shortly(life.act('acknowledge'))}")
    for _ in range(2):
        life.pass_time(60.0)
        life.tell(f"run after that → {shortly(life.act('sync'))}")
    invariants.after_act(life)
    after = {bill_id: posting["state"] for bill_id, posting in life.postings().items()}
    if after != before:
        raise Violation("adopted", f"before {before}, after {after}")
    if there != sorted(one["header"]["SysRowID"] for one in life.invoices()):
        raise Violation("adopted", "the invoices in Epicor are not those of before")


def _write(life: Life) -> str:
    return _WRITES[life.options.settings["writer"]]


def _renumber(life: Life, bill_id: str) -> None:
    number = f"NEW-{bill_id[:6]}"
    row = life.bill(bill_id)
    lines = copy.deepcopy(row["line_items"])
    lines[0]["amount"]["amount"] += 100
    total = {**row["amount"], "amount": row["amount"]["amount"] + 100}
    changes = {"invoice_number": number, "line_items": lines, "amount": total}
    life.box.ramp.app.edit_bill(bill_id, changes)
    life.tell(f"Ramp: another number, {number!r}, and total of bill {life.name(bill_id)}")
    life.remember_more()
