import type { RunGateway } from "./runGateway.ts";

/**
 * The gateways of a run, in the order of its record, each kept as the JSON that is written of it: ten thousand as
 * objects, with a dozen short strings each, are the better part of a run's memory. Whoever drives the run puts what
 * came of a gateway in the place of what was known before.
 */
export interface RunGateways extends Iterable<RunGateway> {
  readonly length: number;
  get(index: number): RunGateway;
  set(index: number, gateway: RunGateway): void;
  every(holds: (gateway: RunGateway) => boolean): boolean;
  /** As JSON, one each, as they are now: what is set later is not in them. */
  texts(): readonly string[];
  copy(): RunGateways;
}

export const keepGateways = (gateways: readonly RunGateway[]): RunGateways =>
  keepTexts(gateways.map((gateway) => JSON.stringify(gateway)));

function keepTexts(texts: string[]): RunGateways {
  // Written by us, or checked when the record was read.
  const parse = (text: string): RunGateway => JSON.parse(text);
  return {
    length: texts.length,
    get(index) {
      const text = texts[index];
      if (text === undefined)
        throw new RangeError(`A run of ${texts.length} gateways has no number ${index}`);
      return parse(text);
    },
    set(index, gateway) {
      texts[index] = JSON.stringify(gateway);
    },
    every: (holds) => texts.every((text) => holds(parse(text))),
    texts: () => [...texts],
    copy: () => keepTexts([...texts]),
    *[Symbol.iterator]() {
      for (const text of texts) yield parse(text);
    },
  };
}
