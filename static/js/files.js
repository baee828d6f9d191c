// A file that is too large is said so before it travels.
export function weighFiles(root) {
  for (const input of root.querySelectorAll("input[type=file][data-limit]")) {
    const line = document.createElement("p");
    line.className = "error";
    line.setAttribute("role", "alert");
    line.hidden = true;
    input.before(line);
    input.addEventListener("change", () => {
      const large = [...input.files].some((file) => file.size > Number(input.dataset.limit));
      line.hidden = !large;
      line.textContent = large ? input.dataset.tooLarge : "";
      if (large) input.setAttribute("aria-invalid", "true");
      else input.removeAttribute("aria-invalid");
    });
  }
}
