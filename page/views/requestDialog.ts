import { html, nothing, type TemplateResult } from "lit-html";
import type { DryRun, Gateway } from "../answers.ts";
import type { Choice, RequestDialog, Store } from "../store.ts";
import { keyWords, plural } from "../words.ts";
import { badge, problemBox } from "./parts.ts";

/** Reason, mode and confirmation for the selected gateways. The dry run sends the very request that would rotate. */
export function requestDialog({ gateways, isAll, dryRun }: RequestDialog, store: Store): TemplateResult {
  const title = isAll ? `all ${plural(gateways.length, "gateway")}` : plural(gateways.length, "gateway");
  const isRunning = dryRun === "running";
  return html`<dialog aria-labelledby="request" @close=${store.closeRequest}>
    <form class="stack" @submit=${(event: SubmitEvent) => submit(event, isRunning, store)}>
      <h2 id="request">Rotate ${title}</h2>
      ${impacts(gateways)}
      <p class="field">
        <label for="reason">Reason, for the audit</label>
        <input id="reason" name="reason" required maxlength="200" autocomplete="off" autofocus />
      </p>
      <fieldset @change=${store.discardDryRun}>
        <legend>Which keys</legend>
        <label class="choice"><input type="radio" name="mode" value="standard" checked />One new key each</label>
        <label class="choice"
          ><input type="radio" name="mode" value="compromised" />Every key, since one has leaked: no old key works
          afterwards</label
        >
        <label class="choice"
          ><input type="checkbox" name="takeOwnership" />Take over secrets that another deployment manages</label
        >
      </fieldset>
      ${
        isAll
          ? html`<p class="field">
              <label for="confirm">Type * to confirm that every gateway is meant</label>
              <input id="confirm" name="confirm" required pattern="\\*" autocomplete="off" />
            </p>`
          : nothing
      }
      ${dryRun === undefined ? nothing : html`<div class="result" id="result" tabindex="-1">${result(dryRun)}</div>`}
      <p class="buttons">
        <button type="button" class="quiet" @click=${closeDialog}>Cancel</button>
        <button value="dry-run" formnovalidate aria-disabled=${isRunning ? "true" : "false"}>Dry run</button>
        <button value="rotate" class="main">Rotate ${title}</button>
      </p>
    </form>
  </dialog>`;
}

const closeDialog = ({ target }: Event): void => {
  if (target instanceof Element) target.closest("dialog")?.close();
};

function submit(event: SubmitEvent, isRunning: boolean, store: Store): void {
  event.preventDefault();
  if (!(event.target instanceof HTMLFormElement)) return;
  const isDryRun = event.submitter instanceof HTMLButtonElement && event.submitter.value === "dry-run";
  const fields = new FormData(event.target);
  const reason = String(fields.get("reason") ?? "").trim();
  const choice: Choice = {
    reason: reason === "" && isDryRun ? "dry run" : reason,
    mode: fields.get("mode") === "compromised" ? "compromised" : "standard",
    takeOwnership: fields.get("takeOwnership") !== null,
  };
  if (!isDryRun) void store.rotate(choice);
  else if (!isRunning) void store.dryRun(choice);
}

const mostNames = 10;

/** What the rotation does, with the names of the gateways that it applies to. */
function impacts(gateways: readonly Gateway[]): TemplateResult {
  const groups = Map.groupBy(gateways, ({ impact }) => impact);
  return html`<ul class="impacts">
    ${[...groups].map(([impact, same]) => {
      const names = same.slice(0, mostNames).map(({ name }) => name);
      const more = same.length > mostNames ? ` and ${same.length - mostNames} more` : "";
      return html`<li><strong>${names.join(", ")}${more}</strong>: ${impact}</li>`;
    })}
  </ul>`;
}

function result(dryRun: Exclude<RequestDialog["dryRun"], undefined>): TemplateResult {
  if (dryRun === "running") return html`<p>The dry run is checking every gateway. It touches no key.</p>`;
  if (dryRun.kind === "refused") return problemBox(dryRun.problem);
  const { gateways } = dryRun.body;
  const obstructed = gateways.filter(({ ready }) => !ready);
  const ready = gateways.filter((gateway) => gateway.ready);
  return html`<h3>Dry run: ${ready.length} of ${plural(gateways.length, "gateway")} ready</h3>
    ${obstructed.map(obstacles)}
    ${
      ready.length === 0
        ? nothing
        : html`<details ?open=${ready.length <= mostNames}>
            <summary>${plural(ready.length, "gateway")} ready</summary>
            <ul>
              ${ready.map(({ name, would, message }) => html`<li><strong>${name}</strong>: would ${would}. ${message}</li>`)}
            </ul>
          </details>`
    }`;
}

const obstacles = ({ name, keyWorks, problems }: DryRun["gateways"][number]) => html`<div class="box problem">
  <p><strong>${name}</strong> ${badge("problem", "Not ready")} ${keyWords(keyWorks)}</p>
  <ul>
    ${problems.map(
      ({ code, message, nextAction }) =>
        html`<li>
          <code>${code}</code> ${message}
          <p class="next"><strong>Next:</strong> ${nextAction}</p>
        </li>`,
    )}
  </ul>
</div>`;
