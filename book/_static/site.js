// What every page needs: long formulas that a keyboard can scroll, and a print with nothing hidden.

// A box that scrolls sideways takes the focus, or the arrow keys could not reach its end.
// A bar over a letter stands out by up to 3 pixels, which is nothing to scroll to.
function reachByKeyboard(box) {
  const scrolls = box.scrollWidth > box.clientWidth + 4;
  if (scrolls) box.tabIndex = 0;
  else box.removeAttribute("tabindex");
}

const watch = new ResizeObserver((entries) => entries.forEach(({ target }) => reachByKeyboard(target)));
function watchAll(selector) {
  document.querySelectorAll(selector).forEach((box) => watch.observe(box));
}
watchAll(".bd-article .cell_output .text_html");
addEventListener("load", () => {
  window.MathJax?.startup?.promise?.then(() => watchAll(".bd-article mjx-container"));
});

const root = document.documentElement;
addEventListener("beforeprint", () => {
  // Light text would be printed without its dark ground.
  root.dataset.themeOnScreen = root.dataset.theme;
  root.dataset.theme = "light";
  for (const details of document.querySelectorAll(".bd-article details:not([open])")) {
    details.open = true;
    details.dataset.openedForPrint = "";
  }
});
addEventListener("afterprint", () => {
  root.dataset.theme = root.dataset.themeOnScreen;
  for (const details of document.querySelectorAll("details[data-opened-for-print]")) {
    details.open = false;
    delete details.dataset.openedForPrint;
  }
});

// A link to something inside closed details opens them, in browsers that would not.
function openTarget() {
  const id = decodeURIComponent(location.hash.slice(1));
  const target = id && document.getElementById(id);
  for (let details = target && target.closest("details"); details; details = details.parentElement.closest("details")) {
    details.open = true;
  }
}
addEventListener("hashchange", openTarget);
openTarget();
