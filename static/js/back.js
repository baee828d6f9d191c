// Browsers keep a page that was left, and show it again at the Back button without asking us. Where somebody was signed
// in, the page stays hidden until we say that they still are: the session may have been ended from another browser.
export function askBeforeShowingAgain() {
  if (!("private" in document.body.dataset)) return;
  addEventListener("pagehide", (event) => {
    if (event.persisted) document.documentElement.hidden = true;
  });
  addEventListener("pageshow", async (event) => {
    if (!event.persisted) return;
    try {
      const asked = { method: "HEAD", cache: "no-store", credentials: "same-origin", redirect: "manual" };
      const answer = await fetch(location.href, asked);
      if (answer.ok) {
        // What was typed stays, which a reload would lose.
        document.documentElement.hidden = false;
        return;
      }
    } catch {
      // Nobody answers, so nobody says that it may be shown.
    }
    location.reload();
  });
}
