// An act that binds is signed with a passkey before its form is sent: the server is asked what this very form would put
// on record, the passkey signs that, and the signature waits for the form. The other button sends the form without.
import { opened, post, written } from "./webauthn.js";

// The form is not as it should be, or the act is not possible now: sent as it is, its page says why.
const NOT_NOW = new Set([400, 409, 422]);
const trouble = document.querySelector("[data-trouble]");

async function sign(button, form) {
  const asked = await post(button.dataset.sign, new FormData(form));
  if (NOT_NOW.has(asked.status)) return;
  if (!asked.ok || asked.redirected) throw new Error("no challenge");
  const credential = await navigator.credentials.get({ publicKey: opened(await asked.json()) });
  const body = new FormData();
  body.set("csrf_token", form.elements.csrf_token.value);
  body.set("answer", written(credential));
  const taken = await post(button.dataset.answer, body);
  if (!taken.ok || taken.redirected) throw new Error("not taken");
}

function send(button, form) {
  const signed = document.createElement("input");
  [signed.type, signed.name, signed.value] = ["hidden", "signed", "1"];
  form.append(signed);
  form.requestSubmit(button);
}

for (const line of document.querySelectorAll("[data-without-script]")) line.remove();

for (const button of document.querySelectorAll("[data-sign]")) {
  if (!window.PublicKeyCredential) break;
  const form = button.form;
  let [busy, isSigned] = [false, false];
  button.addEventListener("click", async (event) => {
    if (isSigned) return;
    event.preventDefault();
    if (busy) return;
    busy = true;
    trouble.hidden = true;
    try {
      await sign(button, form);
      isSigned = true;
      send(button, form);
    } catch {
      busy = false;
      trouble.textContent = trouble.dataset.stopped;
      trouble.hidden = false;
    }
  });
  for (const other of form.querySelectorAll("button[type=submit]:not([data-sign])")) other.classList.add("second");
  button.disabled = false;
  button.hidden = false;
}
