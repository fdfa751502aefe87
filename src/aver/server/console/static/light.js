// A citation, the sentences that rest on it and its words in the open source light up together.

function light(turn, number, on) {
  const pane = document.getElementById("pane");
  const lit = [...(turn?.querySelectorAll(".sentence") ?? [])].filter((sentence) => sentence.dataset.cites.split(" ").includes(number));
  lit.push(...(turn?.querySelectorAll(`.cite[data-citation="${number}"]`) ?? []));
  if (pane?.dataset.citation === number && turn?.querySelector(".cite[aria-current]")) lit.push(...pane.querySelectorAll("mark"));
  for (const element of lit) element.classList.toggle("lit", on);
}

function follow(event, on) {
  const cite = event.target.closest?.("a.cite");
  if (cite) return light(cite.closest(".turn"), cite.dataset.citation, on);
  const words = event.target.closest?.("#pane mark");
  const open = words && document.querySelector(".cite[aria-current]");
  if (open) light(open.closest(".turn"), open.dataset.citation, on);
}

export function listen() {
  for (const [start, end] of [["mouseover", "mouseout"], ["focusin", "focusout"]]) {
    document.addEventListener(start, (event) => follow(event, true));
    document.addEventListener(end, (event) => follow(event, false));
  }
}
