// Asking: the question goes out, verified sentences come in one by one, and the finished turn takes their place.

import { events } from "./events.js";
import { announce, show } from "./page.js";

const STAGES = {
  admitted: () => "Searching the documents you may read",
  retrieved: ({ passages }) => `Reading ${passages} passage${passages === 1 ? "" : "s"}`,
  generating: () => "Checking each sentence against its source",
};

function element(name, className, text) {
  const node = document.createElement(name);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

/** A turn as it is being answered. Everything it shows is set as text. */
class Live {
  constructor(question, stop) {
    this.article = element("article", "turn");
    const heading = element("h2", "", question);
    heading.dir = "auto";
    this.answer = element("p", "answer");
    this.answer.dir = "auto";
    this.thread = element("div", "thread");
    this.progress = element("div", "progress");
    this.words = element("span", "", "Asking");
    const button = element("button", "quiet", "Stop");
    button.type = "button";
    button.addEventListener("click", stop);
    this.progress.append(this.words, button);
    this.article.append(heading, this.answer, this.thread, this.progress);
    document.querySelector(".start")?.remove();
    document.getElementById("live").replaceChildren(this.article);
    this.article.scrollIntoView({ block: "start" });
    announce("Asking");
  }

  stage(progress) {
    this.words.textContent = STAGES[progress.stage]?.(progress) ?? progress.stage;
  }

  /** What an agent does, as it happens. One who stops looking does not stop it: the turn is ended for good. */
  step({ turn, said }) {
    this.turn = turn;
    this.words.textContent = said;
  }

  sentence({ sentence }) {
    const words = element("span", sentence.supported ? "sentence" : "sentence unsupported", sentence.text);
    this.answer.append(words);
    for (const position of sentence.citations) this.answer.append(element("span", "cite", position + 1));
    if (!sentence.supported) this.answer.append(" ", element("span", "not-found", "not found in the sources"));
    this.answer.append(" ");
    announce(sentence.supported ? sentence.text : `${sentence.text} (not found in the sources)`);
  }

  /** What had come so far is not an answer, so it goes. */
  remove() {
    this.article.remove();
  }
}

const roomy = matchMedia("(min-width: 75rem)");

function summary(answer) {
  if (answer.actions) return answer.status === "waiting" ? "An approval is needed." : answer.text;
  if (answer.abstained) return `No answer. ${answer.answer}`;
  const supported = answer.sentences.filter((sentence) => sentence.supported).length;
  return `${supported} of ${answer.sentences.length} sentence${answer.sentences.length === 1 ? "" : "s"} supported.`;
}

async function problemOf(response) {
  try {
    return await response.json();
  } catch {
    return { detail: `The server answered with status ${response.status}`, next_step: "Ask again." };
  }
}

/** Ask the assistant, or an agent, over the stream; the answer, or a problem as {detail, next_step}. */
async function run(question, conversation, live, signal) {
  const agent = document.getElementById("feature")?.value ?? "assistant";
  const asked = agent === "assistant" ? { question } : { agent, task: question };
  const response = await fetch(agent === "assistant" ? "/v1/ask" : "/v1/agents/turns", {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "text/event-stream" },
    body: JSON.stringify({ ...asked, conversation: conversation || null, stream: true }),
    signal,
  });
  if (!response.ok) return { problem: await problemOf(response) };
  for await (const [name, data] of events(response)) {
    if (name === "progress") live.stage(data);
    if (name === "step") live.step(data);
    if (name === "sentence") live.sentence(data);
    if (name === "answer" || name === "outcome") return { answer: data };
    if (name === "error") return { problem: data };
  }
  return { problem: { detail: "The connection ended before the answer was complete", next_step: "Ask again." } };
}

function tell(problem) {
  const words = element("p", "block");
  words.setAttribute("role", "alert");
  words.append(element("strong", "", "Not answered:"), ` ${problem.detail}. ${problem.next_step}`);
  document.getElementById("problem").replaceChildren(words);
}

async function outcome(question, conversation, live, signal) {
  try {
    return await run(question, conversation, live, signal);
  } catch (error) {
    if (error.name === "AbortError") return { problem: { detail: "You stopped it", next_step: "Ask again when you like." } };
    return { problem: { detail: "The server cannot be reached", next_step: "Check the connection and ask again." } };
  }
}

async function submit(form) {
  const box = document.getElementById("question");
  const question = box.value.trim();
  if (!question || form.dataset.busy) return;
  form.dataset.busy = "true";
  const stopping = new AbortController();
  document.getElementById("problem").replaceChildren();
  box.value = "";
  const live = new Live(question, () => {
    if (live.turn) fetch(`/v1/agents/turns/${live.turn}/cancel`, { method: "POST" });
    else stopping.abort();
  });
  const { answer, problem } = await outcome(question, document.getElementById("conversation").value, live, stopping.signal);
  if (answer) {
    const place = { conversation: answer.conversation, turn: answer.turn };
    // Where there is room, the answer comes with its first source beside it.
    if (answer.citations?.length && roomy.matches) place.open = 1;
    await show(`/?${new URLSearchParams(place)}`);
    announce(summary(answer));
    live.remove();
    document.getElementById(answer.turn)?.scrollIntoView({ block: "start" });
  } else {
    live.remove();
    if (!box.value) box.value = question;
    tell(problem);
  }
  delete form.dataset.busy;
  box.focus({ preventScroll: true });
}

export function listen(form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit(form);
  });
  form.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing && event.target.id === "question") {
      event.preventDefault();
      submit(form);
    }
  });
}
