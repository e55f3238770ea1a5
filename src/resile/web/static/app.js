// Small comforts; every page works without them.
"use strict";

const YEAR_S = 31536000;

function remember(name, value) {
  document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=${YEAR_S}; samesite=lax`;
}

// Times in the reader's zone: told to the server once, and mended here on the first visit.
function localTimes() {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
  const known = document.documentElement.dataset.zone;
  if (zone === known) return;
  remember("zone", zone);
  for (const element of document.querySelectorAll("time[data-form]")) {
    element.textContent = writeTime(new Date(element.dateTime), element.dataset.form);
  }
}

function writeTime(at, form) {
  const two = (n) => String(n).padStart(2, "0");
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  const minute = `${two(at.getHours())}:${two(at.getMinutes())}`;
  if (form === "date") return day;
  if (form === "clock") return `${minute}:${two(at.getSeconds())}`;
  if (form === "second") return `${day} ${minute}:${two(at.getSeconds())}`;
  return `${day} ${minute}`;
}

function themeToggle() {
  const form = document.querySelector("form.theme");
  if (!form) return;
  form.addEventListener("submit", (event) => {
    if (!event.submitter) return;
    event.preventDefault();
    const chosen = event.submitter.value;
    remember("theme", chosen);
    document.documentElement.dataset.theme = chosen;
    for (const button of form.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.value === chosen));
    }
  });
}

// A form that asks by GET leaves out what was not filled in, so that addresses stay readable.
function shortAddresses() {
  for (const form of document.querySelectorAll("form[data-short]")) {
    form.addEventListener("submit", () => {
      for (const field of form.elements) {
        if (field.name && field.value === "" && !field.disabled) field.disabled = true;
      }
    });
  }
  window.addEventListener("pageshow", () => {
    for (const field of document.querySelectorAll("form[data-short] :disabled")) field.disabled = false;
  });
}

localTimes();
themeToggle();
shortAddresses();
