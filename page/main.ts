import { render } from "lit-html";
import { createStore, type State, type Store } from "./store.ts";
import { page } from "./views/page.ts";

const root = document.getElementById("page");
if (root !== null) {
  let shown: State | undefined;
  const store: Store = createStore((state) => {
    render(page(state, store), root);
    const dialog = root.querySelector("dialog");
    if (dialog !== null && !dialog.open) dialog.showModal();
    const next = shown === undefined ? "key" : focusAfter(shown, state);
    shown = state;
    if (next !== undefined) document.getElementById(next)?.focus();
  });
  store.draw();
}

/** The id of the element that gets the focus, if the focused element is gone or there is something new to read. */
function focusAfter(before: State, now: State): string | undefined {
  if (now.access.kind !== before.access.kind) return now.access.kind === "locked" ? "key" : "verdict";
  if (now.run !== undefined && now.run.saved.id !== before.run?.saved.id) return "run";
  if (now.run === undefined && before.run !== undefined) return "gateways";
  if (before.request?.dryRun === "running" && now.request !== undefined) return "result";
  return undefined;
}
