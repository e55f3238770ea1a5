// What somebody types is never lost: kept in this tab until the server has taken it. Pictures are pasted and dropped.
"use strict";

const KEPT = "kept:";
const UPLOADING = "![uploading…]()";
const watched = document.querySelector("[data-watch]");

function place(form) {
  return `${KEPT}${watched.dataset.watch}:${form.dataset.keep}`;
}

// What one typed, and the wording of a note that one had before one's eyes.
function fieldsOf(form) {
  return [...form.elements].filter((one) => one.name && (one.type !== "hidden" || ["seen", "picture"].includes(one.name)));
}

// What one left as it was is not kept: by the time it is given back, somebody else may have changed it.
function isKept(field) {
  return field.type === "hidden" || isTyped(field) || document.getElementById("refused") !== null;
}

function keep(form) {
  const typed = Object.fromEntries(fieldsOf(form).filter(isKept).map((one) => [one.name, one.value]));
  try {
    sessionStorage.setItem(place(form), JSON.stringify(typed));
  } catch {
    // No room in this tab for so much: it stays in the form.
  }
}

function giveBack(form) {
  const kept = sessionStorage.getItem(place(form));
  if (!kept) return;
  const typed = JSON.parse(kept);
  let isOther = false;
  for (const one of fieldsOf(form)) {
    if (typeof typed[one.name] !== "string" || one.value === typed[one.name]) continue;
    // A note that came back with both texts is about what it says now.
    if (one.name === "seen" && document.getElementById("refused")) continue;
    one.value = typed[one.name];
    isOther = isOther || one.type !== "hidden";
  }
  const folded = form.closest("details");
  if (isOther && folded) folded.open = true;
}

function letGo(name) {
  sessionStorage.removeItem(`${KEPT}${watched.dataset.watch}:${name}`);
}

// Said by the server once it has taken a form: what was kept of it goes, and the focus is where it came from.
function taken() {
  const name = window.location.hash.startsWith("#done-") ? window.location.hash.slice("#done-".length) : "";
  if (!name) return;
  letGo(name);
  history.replaceState(null, "", window.location.pathname + window.location.search);
  const form = document.querySelector(`form[data-keep="${CSS.escape(name)}"]`);
  const back = form ? form.closest("details")?.querySelector("summary") : document.querySelector("#act-next .button");
  if (back) back.focus({ preventScroll: true });
}

function checkLength(field) {
  const most = Number(field.dataset.most);
  const n = field.value.length;
  field.setCustomValidity(n > most ? `${n.toLocaleString("en")} characters are more than ${most.toLocaleString("en")}; keep what matters` : "");
}

async function upload(address, file) {
  const body = new FormData();
  body.append("file", file, file.name || "pasted.png");
  const token = document.querySelector("input[name=csrf_token]").value;
  const answer = await fetch(address, { method: "POST", body, headers: { "x-csrf-token": token, accept: "application/json" } });
  const told = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(told.detail || "the picture was not taken; try again");
  return told;
}

async function pasteInto(field, files) {
  for (const file of files) {
    field.setRangeText(UPLOADING, field.selectionStart, field.selectionEnd, "end");
    try {
      const told = await upload(field.dataset.pictures, file);
      field.value = field.value.replace(UPLOADING, told.markdown);
      say(field, "The picture is in the text.");
    } catch (error) {
      field.value = field.value.replace(UPLOADING, "");
      say(field, `Not taken: ${error.message}`);
    }
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

function say(field, words) {
  let place = field.form.querySelector("[data-told]");
  if (!place) {
    place = document.createElement("p");
    place.dataset.told = "";
    place.className = "small";
    place.setAttribute("role", "status");
    field.after(place);
  }
  place.textContent = words;
}

function picturesIn(transfer) {
  return [...(transfer?.files || [])].filter((one) => one.type.startsWith("image/"));
}

function takePictures(event, transfer) {
  const field = event.target.closest?.("textarea[data-pictures]");
  const files = field ? picturesIn(transfer) : [];
  if (!files.length) return;
  event.preventDefault();
  pasteInto(field, files);
}

async function chosen(input) {
  if (!input.files.length) return;
  try {
    const told = await upload(input.dataset.picture, input.files[0]);
    input.form.elements.picture.value = told.id;
    say(input, `The picture was taken: ${told.width} × ${told.height}.`);
    keep(input.form);
  } catch (error) {
    input.value = "";
    say(input, `Not taken: ${error.message}`);
  }
}

if (watched) {
  taken();
  for (const form of document.querySelectorAll("form[data-keep]")) giveBack(form);
  document.addEventListener("input", (event) => {
    if (event.target.dataset.most) checkLength(event.target);
    const form = event.target.closest("form[data-keep]");
    if (form) keep(form);
  });
  document.addEventListener("change", (event) => { if (event.target.matches("[data-picture]")) chosen(event.target); });
  document.addEventListener("paste", (event) => takePictures(event, event.clipboardData));
  document.addEventListener("drop", (event) => takePictures(event, event.dataTransfer));
  document.addEventListener("dragover", (event) => { if (event.target.closest?.("textarea[data-pictures]")) event.preventDefault(); });
  document.addEventListener("click", (event) => {
    const leaving = event.target.closest("[data-forget]");
    if (leaving) letGo(leaving.dataset.forget);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && event.target.matches("textarea")) event.target.form.requestSubmit();
  });
}
