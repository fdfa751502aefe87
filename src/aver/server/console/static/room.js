// What scripts add to a room: rows by key, parts that keep themselves fresh. Without them everything is there, once.

import { refresh } from "./page.js";

const OFF = "aver-keys-off";
const LEAST = 2; // seconds between two looks

const rows = () => [...document.querySelectorAll("table.listing tbody tr")].filter((row) => row.querySelector("a"));

function move(step) {
  const all = rows();
  const here = all.indexOf(document.activeElement?.closest("tr"));
  const next = all[here < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + step, 0), all.length - 1)];
  next?.querySelector("a").focus();
}

function search() {
  const field = document.querySelector('main input[type="search"], main form.filters :is(input:not([type="hidden"]), select)');
  if (field) field.focus();
  else location.assign("/");
}

const KEYS = { j: () => move(1), k: () => move(-1), "/": search };

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]")) {
    if (event.key === "Escape") event.target.blur();
  } else if (KEYS[event.key] && !localStorage.getItem(OFF)) {
    event.preventDefault();
    KEYS[event.key]();
  }
});

/** Parts with `data-every`, in seconds, are fetched anew by the page's own address, unless somebody is about to do something in them. */
async function look(parts) {
  if (document.hidden) return;
  const busy = (part) => part.querySelector("details.confirm[open]") || (part.contains(document.activeElement) && document.activeElement.matches("input, textarea, select"));
  const ids = parts().filter((part) => !busy(part)).map((part) => part.id);
  if (ids.length) await refresh(ids).catch(() => {}); // away for now: the next look may find it
}

const parts = () => [...document.querySelectorAll("main [data-every]")];
if (parts().length) {
  const every = Math.max(LEAST, Math.min(...parts().map((part) => Number(part.dataset.every))));
  setInterval(() => look(parts), every * 1000);
}
document.querySelector(".rooms [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
document.body.dataset.ready = "true";
