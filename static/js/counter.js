// How many signs are left in a long answer; said aloud only when typing pauses.
const PAUSE = 900;

export function countSigns(root) {
  for (const area of root.querySelectorAll("textarea[data-count]")) {
    const line = document.getElementById(`${area.id}-count`);
    if (!line) continue;
    const spoken = document.createElement("span");
    spoken.className = "hidden";
    spoken.setAttribute("role", "status");
    line.after(spoken);
    let waiting;
    const tell = () => {
      const left = Number(area.dataset.count) - Array.from(area.value).length;
      const words = (left < 0 ? line.dataset.over : line.dataset.left).replace("{}", Math.abs(left));
      line.textContent = words;
      clearTimeout(waiting);
      waiting = setTimeout(() => { spoken.textContent = words; }, PAUSE);
    };
    // The browser would cut a pasted text at the limit without a word; the server says so instead.
    area.removeAttribute("maxlength");
    area.addEventListener("input", tell);
    if (area.value) tell();
  }
}
