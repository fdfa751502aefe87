// Single keys: asking, moving between turns, stepping through citations. They can be turned off in the help.

import { closePane, paneIsOpen, show } from "./page.js";

const OFF = "aver-keys-off";

const turns = () => [...document.querySelectorAll("#turns .turn")];

/** The turn in question: the one with the focus, else the one with the open source, else the last. */
function here() {
  const open = document.querySelector('.turn [aria-current="true"]');
  return document.activeElement?.closest(".turn") ?? open?.closest(".turn") ?? turns().at(-1);
}

function move(step) {
  const all = turns();
  const focused = all.indexOf(document.activeElement?.closest(".turn"));
  const next = all[focused < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(focused + step, 0), all.length - 1)];
  next?.focus({ preventScroll: true });
  next?.scrollIntoView({ block: "start" });
}

async function cite(step) {
  const cites = [...(here()?.querySelectorAll("a.cite") ?? [])];
  const focused = cites.indexOf(document.activeElement);
  const current = focused >= 0 ? focused : cites.findIndex((each) => each.matches("[aria-current]"));
  const next = cites[current < 0 ? (step > 0 ? 0 : cites.length - 1) : current + step];
  if (!next) return;
  next.focus();
  await show(next.href, paneIsOpen() ? "replace" : "push");
}

function open() {
  const turn = document.activeElement;
  if (turn?.matches(".turn")) turn.querySelector("a.cite, .near a")?.click();
}

const KEYS = {
  "/": () => document.getElementById("question").focus(),
  j: () => move(1),
  k: () => move(-1),
  "]": () => cite(1),
  "[": () => cite(-1),
  "?": () => document.getElementById("help").togglePopover(),
};

function typing(target) {
  return target.closest("input:not([type=checkbox]), textarea, select, [contenteditable]") !== null;
}

function pressed(event) {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape") {
    if (document.querySelector(":popover-open")) return; // it closes itself
    if (typing(event.target)) event.target.blur();
    else closePane();
    return;
  }
  if (typing(event.target)) return;
  if (event.key === "Enter") open();
  else if (KEYS[event.key] && !localStorage.getItem(OFF)) {
    event.preventDefault();
    KEYS[event.key]();
  }
}

export function listen() {
  document.addEventListener("keydown", pressed);
  const use = document.getElementById("use-keys");
  use.checked = !localStorage.getItem(OFF);
  use.addEventListener("change", () => (use.checked ? localStorage.removeItem(OFF) : localStorage.setItem(OFF, "true")));
}
