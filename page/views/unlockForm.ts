import { html, nothing, type TemplateResult } from "lit-html";
import type { FollowedRun, State, Store } from "../store.ts";
import { problemBox } from "./parts.ts";

/** Asks for the function key. Its field has no name, so that no form can ever carry it into an address. */
export const unlockForm = (
  { isChecking, problem }: Extract<State["access"], { readonly kind: "locked" }>,
  run: FollowedRun | undefined,
  store: Store,
): TemplateResult => html`
  <main class="unlock stack">
    <h1>Gateway keys</h1>
    <p class="lead">What is the function key?</p>
    ${
      run === undefined
        ? nothing
        : html`<div class="box busy"><p>This tab has requested a rotation. With the key, the page shows it again.</p></div>`
    }
    ${problem === undefined ? nothing : problemBox(problem)}
    <form
      class="stack"
      @submit=${(event: SubmitEvent) => {
        event.preventDefault();
        const field = document.getElementById("key");
        if (!isChecking && field instanceof HTMLInputElement) void store.unlock(field.value.trim());
      }}
    >
      <label for="key">Function key or host key</label>
      <input id="key" type="password" autocomplete="off" spellcheck="false" aria-describedby="key-hint" />
      <p class="soft" id="key-hint">
        It stays in this tab’s memory, and is sent to this function app only, in a header. Leave it empty if the app
        needs none, behind a sign-in or proxy of yours.
      </p>
      <button class="main" aria-disabled=${isChecking ? "true" : "false"}>
        ${isChecking ? "Checking…" : "Show the gateways"}
      </button>
    </form>
  </main>`;
