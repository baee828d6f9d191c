// A passkey is made or used by the browser; what it answers is sent with the form. Without script the pages say so.
const trouble = document.querySelector("[data-trouble]");

const toBytes = (text) =>
  Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
const toText = (bytes) =>
  btoa(String.fromCharCode(...new Uint8Array(bytes))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

function opened(wanted) {
  const known = (list) => (list ?? []).map((one) => ({ ...one, id: toBytes(one.id) }));
  const options = { ...wanted, challenge: toBytes(wanted.challenge) };
  if (wanted.user) options.user = { ...wanted.user, id: toBytes(wanted.user.id) };
  if (wanted.excludeCredentials) options.excludeCredentials = known(wanted.excludeCredentials);
  if (wanted.allowCredentials) options.allowCredentials = known(wanted.allowCredentials);
  return options;
}

function written(credential) {
  const said = credential.response;
  const response = { clientDataJSON: toText(said.clientDataJSON) };
  for (const name of ["attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (said[name]) response[name] = toText(said[name]);
  }
  return JSON.stringify({ id: credential.id, rawId: toText(credential.rawId), type: credential.type, response });
}

const waysTo = {
  make: async (place) => navigator.credentials.create({ publicKey: opened(JSON.parse(place.dataset.wanted)) }),
  prove: async (place, form) => {
    const asked = await fetch(place.dataset.challenge, {
      method: "POST", body: new FormData(form), credentials: "same-origin",
    });
    if (!asked.ok || asked.redirected) throw new Error("no challenge");
    return navigator.credentials.get({ publicKey: opened(await asked.json()) });
  },
};

function tell(words) {
  trouble.textContent = words;
  trouble.hidden = false;
}

for (const line of document.querySelectorAll("[data-without-script]")) line.remove();

for (const place of document.querySelectorAll("[data-passkey]")) {
  if (!window.PublicKeyCredential) {
    tell(trouble.dataset.unable);
    continue;
  }
  const form = place.querySelector("form");
  let busy = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (busy) return;
    busy = true;
    trouble.hidden = true;
    try {
      form.elements.answer.value = written(await waysTo[place.dataset.passkey](place, form));
      form.submit();
    } catch {
      busy = false;
      tell(trouble.dataset.stopped);
    }
  });
  place.hidden = false;
}
