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

// What is known is offered once somebody opens the form; typing works without.
function suggestions() {
  for (const details of document.querySelectorAll("details.filters")) {
    details.addEventListener("toggle", () => {
      for (const list of details.querySelectorAll("datalist[data-from]")) fill(list);
    }, { once: true });
  }
}

async function fill(list) {
  const reply = await fetch(list.dataset.from);
  if (!reply.ok) return;
  for (const value of await reply.json()) {
    const option = document.createElement("option");
    option.value = (list.dataset.before || "") + value;
    list.append(option);
  }
}

localTimes();
themeToggle();
suggestions();
