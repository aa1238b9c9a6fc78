import { html, nothing, type TemplateResult } from "lit-html";
import type { State, Store } from "../store.ts";
import { plural, verdict } from "../words.ts";
import { gatewayList } from "./gatewayList.ts";
import { problemBox } from "./parts.ts";
import { requestDialog } from "./requestDialog.ts";
import { runSection } from "./runSection.ts";
import { unlockForm } from "./unlockForm.ts";

/** The whole page. */
export const page = (state: State, store: Store): TemplateResult => html`
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
