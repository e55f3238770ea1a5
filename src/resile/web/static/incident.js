// One key opens the note; it is shown beside the word.
"use strict";

document.addEventListener("keydown", (event) => {
  const isTyping = event.target.closest("input, textarea, select");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey || event.key.toLowerCase() !== "n") return;
  const field = document.getElementById("note-text");
  if (!field) return;
  event.preventDefault();
  field.closest("details").open = true;
  field.focus();
});
