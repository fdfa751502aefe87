// The address is the state: a view is fetched by its address and its parts take the place of those on the page.

// The only place where text becomes elements, and it is text of this server's own pages.
const policy = window.trustedTypes?.createPolicy("aver-page", { createHTML: (html) => html });

async function load(address) {
  const response = await fetch(address, { headers: { Accept: "text/html" } });
  if (response.redirected && new URL(response.url).pathname !== new URL(address, location.href).pathname) {
    location.assign(response.url); // signed out meanwhile
    return null;
  }
  const html = await response.text();
  return new DOMParser().parseFromString(policy ? policy.createHTML(html) : html, "text/html");
}

function take(part, fresh) {
  const node = fresh && document.importNode(fresh, true);
  if (part && node) {
    if (!part.isEqualNode(node)) part.replaceWith(node);
  } else if (part) {
    part.remove();
  } else if (node) {
    document.querySelector(".desk").append(node);
  }
}

/** Show the view at an address; `how` is "push" or "replace" for the history, or "keep". */
export async function show(address, how = "push") {
  const page = await load(address);
  if (!page) return;
  if (!page.querySelector(".desk")) {
    location.assign(address);
    return;
  }
  const focused = document.activeElement?.id;
  for (const lit of document.querySelectorAll(".lit")) lit.classList.remove("lit");
  const ids = new Set([...document.querySelectorAll("[data-part]"), ...page.querySelectorAll("[data-part]")].map((part) => part.id));
  for (const id of ids) {
    take(document.getElementById(id), page.getElementById(id));
  }
  document.title = page.title;
  if (how === "push") history.pushState(null, "", address);
  if (how === "replace") history.replaceState(null, "", address);
  if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus({ preventScroll: true });
  reveal();
}

/** Fetch the page at hand again and let these parts of it, by their ids, take the place of those that are shown. */
export async function refresh(ids) {
  const page = await load(location.href);
  if (!page) return;
  const focused = document.activeElement?.id;
  for (const id of ids) {
    const fresh = page.getElementById(id);
    if (fresh) take(document.getElementById(id), fresh);
  }
  if (focused && document.activeElement === document.body) document.getElementById(focused)?.focus({ preventScroll: true });
}

/** Bring the cited words of the open source into view, within the pane. */
export function reveal() {
  const cited = document.getElementById("cited");
  const frame = cited?.closest(".scroll");
  if (!frame) return;
  const offset = cited.getBoundingClientRect().top - frame.getBoundingClientRect().top;
  frame.scrollTop += offset - frame.clientHeight / 3;
}

export function paneIsOpen() {
  return document.getElementById("pane") !== null;
}

/** Close the source or the evidence and go back to what it was opened from. */
export async function closePane() {
  const link = document.getElementById("close");
  const opener = document.querySelector('.talk [aria-current="true"]')?.id;
  if (!link) return;
  await show(link.href);
  if (opener) document.getElementById(opener)?.focus({ preventScroll: true });
}

/** Have `words` read out to whoever listens rather than looks. */
export function announce(words) {
  const log = document.getElementById("announcer");
  const line = document.createElement("p");
  line.textContent = words;
  log.append(line);
  while (log.childElementCount > 20) log.firstElementChild.remove();
}
