// One press takes an address, a secret or a configuration; without scripts, it is marked and copied by hand.
"use strict";

function mark(element) {
  const range = document.createRange();
  range.selectNodeContents(element);
  const chosen = getSelection();
  chosen.removeAllRanges();
  chosen.addRange(range);
}

async function copy(button) {
  const element = document.getElementById(button.dataset.copies);
  mark(element);
  try {
    await navigator.clipboard.writeText(element.textContent);
  } catch {
    // Over plain http there is no clipboard: it is marked, and copied by the keyboard.
    button.firstChild.textContent = "Marked";
    return;
  }
  button.firstChild.textContent = "Copied";
}

for (const button of document.querySelectorAll("button[data-copies]")) {
  button.hidden = false;
  button.addEventListener("click", () => copy(button));
}
