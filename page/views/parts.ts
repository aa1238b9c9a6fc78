import { html, nothing, type TemplateResult } from "lit-html";
import type { Problem, RequestIds } from "../answers.ts";
import type { Store } from "../store.ts";
import { dateWords, distanceWords, type Level, signs } from "../words.ts";

export const badge = (level: Level, word: string): TemplateResult =>
  html`<span class="badge ${level}"><span class="sign" aria-hidden="true">${signs[level]}</span>${word}</span>`;

/** A date and its distance from now; `none` if there is no date. */
export function when(iso: string | null, none: string): TemplateResult {
  if (iso === null) return html`<span class="soft">${none}</span>`;
  return html`<time datetime=${iso}>${distanceWords(iso, Date.now())}<small>${dateWords(iso)}</small></time>`;
}

export function problemBox({ title, detail, nextAction, problems = [] }: Problem): TemplateResult {
  return html`<div class="box problem" role="alert">
    <p><strong>${title}</strong></p>
    <p>${detail}</p>
    ${
      problems.length === 0
        ? nothing
        : html`<ul>
            ${problems.map(({ path, rule, remedy }) => html`<li><code>${path}</code>: ${rule}. To fix it, ${remedy}.</li>`)}
          </ul>`
    }
    <p class="next"><strong>Next:</strong> ${nextAction}</p>
  </div>`;
}

/** The ids by which Azure's support finds a request, with a button that copies them. */
export function requestIds(
  name: string,
  { clientRequestId, requestId, correlationRequestId }: RequestIds,
  store: Store,
): TemplateResult | typeof nothing {
  const ids = [
    ["client request", clientRequestId],
    ["request", requestId],
    ["correlation", correlationRequestId],
  ];
  const text = ids.flatMap(([what, id]) => (id === undefined ? [] : [`${what} ${id}`])).join("\n");
  if (text === "") return nothing;
  return html`<details class="ids">
    <summary>Request ids<span class="unseen"> of ${name}</span></summary>
    <pre>${text}</pre>
    <button @click=${() => store.copyIds(text)}>
      Copy<span class="unseen"> the request ids of ${name}</span>
    </button>
  </details>`;
}
