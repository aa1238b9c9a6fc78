import { html, nothing, type TemplateResult } from "lit-html";
import type { FollowedRun, State, Store } from "../store.ts";
import { problemBox } from "./parts.ts";

/** Asks for the function key. The fields have no names, so that no form can ever carry them into an address. */
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
        : html`<p class="box busy">This tab has requested a rotation. With the key, the page shows it again.</p>`
    }
    ${problem === undefined ? nothing : problemBox(problem)}
    <form
      class="stack"
      @submit=${(event: SubmitEvent) => {
        event.preventDefault();
        if (!isChecking)
          void store.unlock({
            functionKey: entered("key"),
            accessToken: entered("token").replace(/^Bearer /i, ""),
          });
      }}
    >
      <label for="key">Function key or host key</label>
      <input id="key" type="password" autocomplete="off" spellcheck="false" aria-describedby="key-hint" />
      <p class="soft" id="key-hint">
        It stays in this tab’s memory, and is sent to this function app only, in a header. Leave it empty if a proxy of
        yours adds it.
      </p>
      <details>
        <summary>The app requires a sign-in</summary>
        <label for="token">Access token</label>
        <input id="token" type="password" autocomplete="off" spellcheck="false" aria-describedby="token-hint" />
        <p class="soft" id="token-hint">
          <code>az account get-access-token --resource api://&lt;clientId&gt; --query accessToken</code> prints one for
          an hour. It is kept and sent like the key.
        </p>
      </details>
      <button class="main" aria-disabled=${isChecking ? "true" : "false"}>
        ${isChecking ? "Checking…" : "Show the gateways"}
      </button>
    </form>
  </main>`;

function entered(id: string): string {
  const field = document.getElementById(id);
  return field instanceof HTMLInputElement ? field.value.trim() : "";
}
