import { html, nothing, type TemplateResult } from "lit-html";
import type { Run, RunGateway } from "../answers.ts";
import type { FollowedRun, Store } from "../store.ts";
import { keyWords, levelOfOutcome, levels, plural, stateWord } from "../words.ts";
import { badge, problemBox, requestIds } from "./parts.ts";

/** The run that this tab has requested: how far it is, what failed, and the request ids. */
export function runSection({ saved, answer, problem, state }: FollowedRun, store: Store): TemplateResult {
  const titles = {
    following: "Rotation in progress",
    settled: "Rotation ended",
    refused: "Rotation refused: nothing was started",
    missing: "The request did not arrive: nothing was started",
  };
  const mayClose = state !== "following";
  return html`<section class="run ${state}" aria-labelledby="run">
    <h2 id="run" tabindex="-1">${titles[state]}</h2>
    <p class="soft">Reason: ${saved.body.reason}. Run <code>${saved.id}</code></p>
    ${problem === undefined ? nothing : problemBox(problem)}
    ${answer === undefined ? (state === "following" ? html`<progress aria-labelledby="run"></progress>` : nothing) : progress(answer, store)}
    <p class="buttons">
      ${state === "missing" ? html`<button class="main" @click=${store.sendAgain}>Send it again</button>` : nothing}
      <button class="quiet" @click=${store.closeRun}>${mayClose ? "Close" : "Stop watching"}</button>
    </p>
    ${mayClose ? nothing : html`<p class="soft">The run continues without this page.</p>`}
  </section>`;
}

function progress(run: Run, store: Store): TemplateResult {
  const all = run.gateways.length;
  const ordered = [...run.gateways].sort((one, other) => rank(one) - rank(other));
  const isFine = (gateway: RunGateway) =>
    levelOfOutcome(gateway) === "good" && gateway.nextAction === undefined;
  const fine = ordered.filter(isFine);
  return html`
    <p class=${run.keysAtRisk > 0 ? "summary alarm" : "summary"}>${run.summary}</p>
    <progress aria-label="Gateways that are settled" max=${all} .value=${all - run.pending}></progress>
    <ul class="outcomes">
      ${ordered.filter((gateway) => !isFine(gateway)).map((gateway) => outcome(gateway, store))}
    </ul>
    ${
      fine.length === 0
        ? nothing
        : html`<details ?open=${all <= 10}>
            <summary>${plural(fine.length, "gateway")} rotated, and the key works</summary>
            <ul class="outcomes">
              ${fine.map((gateway) => outcome(gateway, store))}
            </ul>
          </details>`
    }`;
}

const rank = (gateway: RunGateway): number => levels.indexOf(levelOfOutcome(gateway));

function outcome(gateway: RunGateway, store: Store): TemplateResult {
  const { name, state, keyWorks, code, message, nextAction, secretVersion, versions } = gateway;
  const made = versions?.map((each) => each.secretVersion) ?? [secretVersion ?? ""];
  return html`<li>
    <p><strong>${name}</strong> ${badge(levelOfOutcome(gateway), stateWord(state))} ${keyWords(keyWorks)}</p>
    ${message === undefined ? nothing : html`<p>${code === undefined ? nothing : html`<code>${code}</code> `}${message}</p>`}
    ${nextAction === undefined ? nothing : html`<p class="next"><strong>Next:</strong> ${nextAction}</p>`}
    ${made.join("") === "" ? nothing : html`<p class="soft">Secret version <code>${made.join(", ")}</code></p>`}
    ${requestIds(name, gateway, store)}
  </li>`;
}
