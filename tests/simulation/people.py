"""What people can do while the connector works, and how often they do it."""

from collections.abc import Callable

from tests.simulation import in_epicor, in_ramp, with_us
from tests.simulation.life import Life

Act = Callable[[Life], bool]


def someone_acts(life: Life) -> None:
    """The first of a few drawn acts that is possible just now."""
    for _ in range(6):
        _, act = life.rng.choices(ACTS, [weight for weight, _ in ACTS])[0]
        if act(life):
            return


ACTS: tuple[tuple[int, Act], ...] = (
    (12, in_ramp.arrive), (3, in_ramp.edit_number), (3, in_ramp.edit_amount),
    (2, in_ramp.edit_due), (2, in_ramp.edit_coding), (2, in_ramp.edit_vendor),
    (3, in_ramp.archive), (3, in_ramp.restore), (2, in_ramp.unapprove), (3, in_ramp.approve),
    (1, in_ramp.elsewhere), (2, in_ramp.pay), (2, in_epicor.type_same),
    (2, in_epicor.type_spelling), (2, in_epicor.type_total), (2, in_epicor.lock_group),
    (2, in_epicor.unlock_group), (3, in_epicor.post_group), (2, in_epicor.turn_period),
    (2, in_epicor.turn_vendor), (1, in_epicor.delete_invoice), (1, in_epicor.edit_invoice),
    (2, in_epicor.expire_tokens), (3, with_us.dismiss), (5, with_us.replay),
    (3, with_us.replay_all), (6, with_us.map_missing), (3, with_us.remove), (4, with_us.ours),
    (1, in_epicor.type_other), (2, with_us.different), (2, with_us.prove), (3, with_us.give_number),
    (4, in_ramp.upload_again), (2, with_us.same),
)  # fmt: skip
