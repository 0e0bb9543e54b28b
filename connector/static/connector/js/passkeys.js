/* Passkeys: asks the browser for one and sends its answer with the form. The server decides.

   form[data-passkey="make"|"use"]: what to ask for is JSON in `data-passkey-options`, or is fetched
   from `data-passkey-from` at the click. The answer goes into input[name=credential]; what went
   wrong into [role=alert]. Without scripts, or in a browser that has no passkeys, the
   form stays hidden. */
const bytes = (text) => {
  const plain = text.replace(/-/g, "+").replace(/_/g, "/");
  return Uint8Array.from(atob(plain), (letter) => letter.charCodeAt(0)).buffer;
};
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

function forBrowser(options) {
  const asked = { ...options, challenge: bytes(options.challenge) };
  if (asked.user) asked.user = { ...asked.user, id: bytes(asked.user.id) };
  for (const name of ["allowCredentials", "excludeCredentials"]) {
    if (asked[name]) asked[name] = asked[name].map((one) => ({ ...one, id: bytes(one.id) }));
  }
  return asked;
}

function forServer(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    const value = credential.response[name];
    if (value) response[name] = text(value);
  }
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  return {
    id: credential.id,
    rawId: text(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  };
}

async function asked(form) {
  if (!form.dataset.passkeyFrom) return JSON.parse(form.dataset.passkeyOptions);
  const answer = await fetch(form.dataset.passkeyFrom, { headers: { "X-Requested-With": "XMLHttpRequest" } });
  if (!answer.ok) throw new Error(answer.status === 429 ? "This was tried too often; try again in a minute." : "The server does not answer.");
  return (await answer.json()).request_options;
}

async function go(form) {
  const options = forBrowser((await asked(form)).publicKey);
  const ask = { publicKey: options };
  const credential = await (form.dataset.passkey === "make" ? navigator.credentials.create(ask) : navigator.credentials.get(ask));
  form.querySelector("input[name=credential]").value = JSON.stringify(forServer(credential));
  form.submit();
}

function failed(form, error) {
  const known = error instanceof DOMException;
  form.querySelector("[role=alert]").textContent = !known
    ? error.message
    : error.name === "InvalidStateError"
      ? "This device has a passkey of yours already."
      : error.name === "SecurityError"
        ? "The browser allows no passkey at this address: it must be the public one, with https."
        : "Nothing was chosen, or the device refused. Try again, or take another way.";
  form.querySelector("button").disabled = false;
}

const forms = window.PublicKeyCredential ? [...document.querySelectorAll("form[data-passkey]")] : [];
for (const form of forms) {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    form.querySelector("button").disabled = true;
    form.querySelector("[role=alert]").textContent = "";
    go(form).catch((error) => failed(form, error));
  });
}
