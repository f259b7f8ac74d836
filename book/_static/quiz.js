// Turn each quiz of the page, a question with its options and its answers in details, into radio
// buttons with feedback. Nothing is stored and nothing is sent; without scripts the details remain.

const LETTER = /^([A-Z])\./;
const VERDICT = /^([A-Z])\. (Right|No)\./;

function letterOf(item, pattern) {
  return item.querySelector("strong")?.textContent.trim().match(pattern);
}

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Moved, not copied: formulas keep what MathJax knows about them, typeset before or after.
function moveContents(from, to) {
  to.append(...from.childNodes);
  return to;
}

function option(item, group) {
  const [, letter] = letterOf(item, LETTER);
  const id = `${group}-${letter}`;
  const input = make("input", { type: "radio", name: group, id, value: letter });
  const source = item.querySelector(":scope > p") ?? item;
  return make("div", { class: "quiz-option" }, input, moveContents(source, make("label", { for: id })));
}

function enliven(quiz, index) {
  const question = quiz.querySelector(":scope > p");
  const list = quiz.querySelector(":scope > ul");
  const details = quiz.querySelector(":scope > details");
  if (!question || !list || !details) return;
  const answers = new Map();
  for (const item of details.querySelectorAll("li")) {
    const found = letterOf(item, VERDICT);
    if (found) answers.set(found[1], { item, right: found[2] === "Right" });
  }

  const group = `quiz-${index + 1}`;
  const options = [...list.children].map((item) => option(item, group));
  const feedback = make("div", { class: "quiz-feedback", "aria-live": "polite" });
  const form = make(
    "form",
    { class: "quiz-form" },
    make("fieldset", {}, moveContents(question, make("legend")), ...options),
    make("button", { type: "submit" }, "Check"),
    feedback,
  );

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = form.querySelector("input:checked");
    if (!chosen) {
      feedback.textContent = "Choose an answer first.";
      return;
    }
    const { item, right } = answers.get(chosen.value);
    const text = (item.querySelector(":scope > p") ?? item).cloneNode(true);
    feedback.replaceChildren(make("div", { class: right ? "quiz-right" : "quiz-wrong" }, ...text.childNodes));
    chosen.closest(".quiz-option").dataset.verdict = right ? "right" : "wrong";
    details.hidden = false;
  });
  form.addEventListener("change", () => feedback.replaceChildren());

  // The reader commits to an answer before all of them can be read.
  details.hidden = true;
  details.querySelector("summary").textContent = "All answers";
  question.remove();
  list.remove();
  quiz.prepend(form);
  quiz.dataset.ready = "";
}

document.querySelectorAll("div.quiz").forEach(enliven);
addEventListener("beforeprint", () => {
  for (const details of document.querySelectorAll(".quiz > details")) details.hidden = false;
});
