import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "../support/chromium.ts";
import { patienceMs } from "../support/patience.ts";

/** What an operator does on the status page. Elements are found by CSS selector or by the text of a button. */
export function operatorOf(page: Page) {
  const quoted = (text: string) => JSON.stringify(text);
  const texts = async () => String(await page.evaluate("document.body.innerText"));

  async function until(expression: string): Promise<void> {
    const deadline = Date.now() + patienceMs;
    while ((await page.evaluate(expression)) !== true) {
      if (Date.now() > deadline) throw new Error(`Not in time: ${expression}\n${await texts()}`);
      await sleep(20);
    }
  }

  const sees = (text: string) => until(`document.body.innerText.includes(${quoted(text)})`);

  async function click(selector: string): Promise<void> {
    await until(`document.querySelector(${quoted(selector)}) !== null`);
    await page.evaluate(`document.querySelector(${quoted(selector)}).click()`);
  }

  async function push(button: string): Promise<void> {
    const found = `[...document.querySelectorAll("button")].find((each) => each.innerText === ${quoted(button)})`;
    await until(`${found} !== undefined`);
    await page.evaluate(`${found}.click()`);
  }

  async function fill(selector: string, text: string): Promise<void> {
    await until(`document.querySelector(${quoted(selector)}) !== null`);
    await page.evaluate(`document.querySelector(${quoted(selector)}).focus()`);
    await page.evaluate("document.activeElement.select()");
    await page.type(text);
  }

  return {
    texts,
    until,
    sees,
    click,
    push,
    fill,
    async unlock(key: string): Promise<void> {
      await fill("#key", key);
      await push("Show the gateways");
    },
    select: (gateway: string) => click(`tbody tr[data-gateway=${quoted(gateway)}] input`),
    /** What the page shows of one gateway. */
    row: async (gateway: string) =>
      String(
        await page.evaluate(`document.querySelector('tbody tr[data-gateway=${quoted(gateway)}]').innerText`),
      ),
    /** What the page shows of the run. */
    run: async () => String(await page.evaluate('document.querySelector("section.run").innerText')),
  };
}
