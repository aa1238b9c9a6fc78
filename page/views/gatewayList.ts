import { html, nothing, type TemplateResult } from "lit-html";
import { live } from "lit-html/directives/live.js";
import { repeat } from "lit-html/directives/repeat.js";
import type { Gateway } from "../answers.ts";
import type { State, Store } from "../store.ts";
import {
  byUrgency,
  keyWords,
  kindWords,
  levelOf,
  matches,
  needsAttention,
  plural,
  stateWord,
} from "../words.ts";
import { badge, requestIds, when } from "./parts.ts";

/** The most rows that a browser shows without delay. */
const mostRows = 500;

const textOf = ({ target }: Event): string => (target instanceof HTMLInputElement ? target.value : "");
const isChecked = ({ target }: Event): boolean => target instanceof HTMLInputElement && target.checked;

/** The filter, and a table of the gateways, the most urgent first. On a phone each row is a card. */
export function gatewayList({ gateways, filter, selected }: State, store: Store): TemplateResult {
  const found = gateways.filter((gateway) => matches(filter, gateway)).sort(byUrgency);
  const names = found.map(({ name }) => name);
  const isAllSelected = names.length > 0 && names.every((name) => selected.has(name));
  const attention = gateways.filter(needsAttention).length;
  const scope = (onlyAttention: boolean, label: string) => html`<label class="choice">
    <input
      type="radio"
      name="scope"
      .checked=${live(filter.onlyAttention === onlyAttention)}
      @change=${() => store.setFilter({ onlyAttention })}
    />${label}</label
  >`;
  return html`<section aria-labelledby="gateways">
    <h2 id="gateways" tabindex="-1">Gateways</h2>
    <div class="filter" role="search">
      <label class="unseen" for="filter">Filter by name, state, kind, secret or error code</label>
      <input
        id="filter"
        type="search"
        placeholder="Filter: name, state, secret…"
        autocomplete="off"
        .value=${live(filter.text)}
        @input=${(event: Event) => store.setFilter({ text: textOf(event) })}
      />
      <fieldset>
        <legend class="unseen">Which gateways</legend>
        ${scope(false, `All (${gateways.length})`)} ${scope(true, `Needs attention (${attention})`)}
      </fieldset>
    </div>
    <label class="choice"
      ><input
        type="checkbox"
        id="all"
        .checked=${live(isAllSelected)}
        @change=${(event: Event) => store.select(names, isChecked(event))}
      />Select all ${plural(names.length, "gateway")} shown</label
    >
    ${
      found.length === 0
        ? html`<p class="soft">No gateway matches.</p>`
        : html`<table role="table">
            <caption class="unseen">
              Gateways, the most urgent first
            </caption>
            <thead role="rowgroup">
              <tr role="row">
                <th role="columnheader"><span class="unseen">Selection</span></th>
                ${["Gateway", "State", "Published key", "Last rotation", "Next rotation"].map(
                  (title) => html`<th role="columnheader" scope="col">${title}</th>`,
                )}
              </tr>
            </thead>
            <tbody role="rowgroup">
              ${repeat(
                found.slice(0, mostRows),
                ({ name }) => name,
                (gateway) => row(gateway, selected.has(gateway.name), store),
              )}
            </tbody>
          </table>`
    }
    ${
      found.length > mostRows
        ? html`<p class="soft">${plural(found.length - mostRows, "more gateway")} match: filter to see them.</p>`
        : nothing
    }
  </section>`;
}

function row(gateway: Gateway, isSelected: boolean, store: Store): TemplateResult {
  const { name, kind, state, keyWorks, rotatedAt, nextTick } = gateway;
  const level = levelOf(gateway);
  return html`<tr role="row" class=${level} data-gateway=${name}>
    <td role="cell">
      <label class="check"
        ><input
          type="checkbox"
          .checked=${live(isSelected)}
          @change=${(event: Event) => store.select([name], isChecked(event))}
        /><span class="unseen">Select ${name}</span></label
      >
    </td>
    <th role="rowheader" scope="row">${name}<small>${kindWords(kind)}</small></th>
    <td role="cell" data-title="State">${badge(level, stateWord(state))}</td>
    <td role="cell" data-title="Published key">
      <span class=${keyWorks === false ? "alarm" : ""}>${keyWords(keyWorks)}</span>
    </td>
    <td role="cell" data-title="Last rotation">${when(rotatedAt, "never")}</td>
    <td role="cell" data-title="Next rotation">${when(nextTick, "not scheduled")}</td>
    <td role="cell" class="more">${failure(gateway, store)}${host(gateway)}${facts(gateway)}</td>
  </tr>`;
}

function failure({ name, lastFailure, nextAction }: Gateway, store: Store): TemplateResult | typeof nothing {
  if (lastFailure === null)
    return nextAction === null ? nothing : html`<p class="next"><strong>Next:</strong> ${nextAction}</p>`;
  return html`<div class="failure">
    <p><code>${lastFailure.code}</code> ${lastFailure.message}</p>
    <p class="next"><strong>Next:</strong> ${lastFailure.nextAction}</p>
    <p class="soft">Failed ${when(lastFailure.at, "")}</p>
    ${requestIds(name, lastFailure, store)}
  </div>`;
}

function host({ host }: Gateway): TemplateResult | typeof nothing {
  if (host === null) return nothing;
  const { status, registeredAt, sinceRotation } = host;
  return html`<p class=${sinceRotation ? "soft" : "caution"}>
    Host: ${status}, ${sinceRotation ? "registered since the last rotation" : "not registered since the last rotation"}
    ${registeredAt === null ? nothing : html`(${when(registeredAt, "")})`}
  </p>`;
}

const facts = ({
  name,
  resourceId,
  vaultUrl,
  secretName,
  secretVersion,
  expiresAt,
}: Gateway) => html`<details>
  <summary>Details<span class="unseen"> of ${name}</span></summary>
  <dl>
    <dt>Resource id</dt>
    <dd><code>${resourceId}</code></dd>
    <dt>Secret</dt>
    <dd><code>${vaultUrl.replace(/\/$/, "")}/secrets/${secretName}</code></dd>
    <dt>Version</dt>
    <dd>${secretVersion === null ? "none" : html`<code>${secretVersion}</code>`}</dd>
    <dt>Expires</dt>
    <dd>${when(expiresAt, "no expiry")}</dd>
  </dl>
</details>`;
