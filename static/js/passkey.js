// A passkey is made or used by the browser; what it answers is sent with the form. Without script the pages say so.
import { opened, post, written } from "./webauthn.js";

const trouble = document.querySelector("[data-trouble]");

const waysTo = {
  make: async (place) => navigator.credentials.create({ publicKey: opened(JSON.parse(place.dataset.wanted)) }),
  prove: async (place, form) => {
    const asked = await post(place.dataset.challenge, new FormData(form));
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
