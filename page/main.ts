import { html, nothing, render, type TemplateResult } from "lit-html";
import { createStore, type State, type Store } from "./store.ts";
import { gatewayList } from "./views/gatewayList.ts";
import { problemBox } from "./views/parts.ts";
import { requestDialog } from "./views/requestDialog.ts";
import { runSection } from "./views/runSection.ts";
import { unlockForm } from "./views/unlockForm.ts";
import { plural, verdict } from "./words.ts";

/** The whole page. */
const page = (state: State, store: Store): TemplateResult => html`
  ${state.access.kind === "locked" ? unlockForm(state.access, state.run, store) : open(state, store)}
  <p class="unseen" role="status">${state.notice}</p>`;

function open(state: State, store: Store): TemplateResult {
  const { gateways, readAt, readProblem, run, request, selected } = state;
  return html`
    <header>
      <h1>Gateway keys</h1>
      <p class="lead" id="verdict" tabindex="-1">${readAt === 0 ? "The gateways could not be read" : verdict(gateways)}</p>
      <p class="bar soft">
        ${readAt === 0 ? nothing : html`<span>as of ${new Date(readAt).toISOString().slice(11, 19)} UTC</span>`}
        <button class="quiet" @click=${store.refresh}>Refresh</button>
        <button class="quiet" @click=${store.lock}>Forget the key</button>
      </p>
      ${readProblem === undefined ? nothing : problemBox(readProblem)}
    </header>
    <main>
      ${run === undefined ? nothing : runSection(run, store)}
      ${readAt === 0 ? nothing : gatewayList(state, store)}
    </main>
    ${
      selected.size === 0
        ? nothing
        : html`<section class="actions" aria-label="Selected gateways">
            <p>${plural(selected.size, "gateway")} selected</p>
            <button class="quiet" @click=${() => store.select([...selected], false)}>Clear</button>
            <button class="main" @click=${store.openRequest}>Dry run or rotate…</button>
          </section>`
    }
    ${request === undefined ? nothing : requestDialog(request, store)}
    <footer class="soft">
      <p>All times are UTC. The function key is in this tab’s memory only: a reload forgets it.</p>
    </footer>`;
}

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
