// The chat with scripts: the same addresses as without, loaded in place.

import { listen as listenToAsking } from "./ask.js";
import { listen as listenToKeys } from "./keys.js";
import { listen as listenToLight } from "./light.js";
import { closePane, reveal, show } from "./page.js";

const LOOKS = 3000; // milliseconds

async function follow(event) {
  const link = event.target.closest("a");
  if (!link || event.defaultPrevented || event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  if (link.origin !== location.origin || link.pathname !== "/" || link.classList.contains("skip")) return;
  event.preventDefault();
  if (link.id === "close") return closePane();
  if (link.closest("#conversations:popover-open")) document.getElementById("conversations").hidePopover();
  const opens = new URL(link.href).searchParams.has("open");
  await show(link.href.split("#")[0]);
  if (opens) document.getElementById("pane")?.focus({ preventScroll: true });
  else window.scrollTo(0, 0);
}

/** Of turns that agents are still at, wait for the end. */
async function watch() {
  for (const { dataset } of document.querySelectorAll("[data-running]")) {
    const response = await fetch(`/v1/agents/turns/${dataset.running}/events`);
    if (!response.ok) return;
    await response.text(); // which ends when the turn rests
    await show(location.href, "keep");
  }
}

/** Of turns that wait for an answer, see whether it was given elsewhere. */
async function look() {
  for (const { dataset } of document.querySelectorAll("[data-waiting]")) {
    const response = await fetch(`/v1/agents/turns/${dataset.waiting}`).catch(() => null); // away for now
    if (!response?.ok || (await response.json()).status === "waiting") continue;
    await show(location.href, "keep");
    return watch();
  }
}

listenToAsking(document.getElementById("ask"));
listenToKeys();
listenToLight();
document.addEventListener("click", follow);
window.addEventListener("popstate", () => show(location.href, "keep"));

const turn = new URLSearchParams(location.search).get("turn");
document.getElementById(turn ?? "")?.scrollIntoView({ block: "start" });
reveal();
document.body.dataset.ready = "true";
watch();
setInterval(() => document.hidden || look(), LOOKS);
