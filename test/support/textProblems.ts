import * as z from "zod";
import type { Page } from "./chromium.ts";

/**
 * Measures every line of text that the page shows. A line is cut where it leaves the page, the block that it is in, or
 * an element that hides what overflows. Lines overlap where their boxes do; a box is taken without the quarter above and
 * below, which letters do not reach.
 */
const measure = `(() => {
  const lines = [];
  // By name: to ask the browser what a closed fold shows makes it lay out the page, each time.
  const printed = matchMedia("print").matches ? ".printed details, details.more" : ":not(*)";
  const isHidden = (node) =>
    node.matches("title, desc, style, .unseen") ||
    (node.matches("details:not([open]) > :not(summary)") && !node.parentElement.matches(printed));
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT, (node) =>
    node.nodeType === Node.ELEMENT_NODE && isHidden(node) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const parent = node.parentElement;
    if (node.nodeType !== Node.TEXT_NODE || node.data.trim() === "") continue;
    if (!parent.checkVisibility({ visibilityProperty: true })) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const { left, right, top, bottom } of range.getClientRects()) {
      const quarter = (bottom - top) / 4;
      lines.push({ text: node.data.trim().slice(0, 40), parent, left, right, top: top + quarter, bottom: bottom - quarter });
    }
  }
  // Of the page as displayed: a head of a table that another style places off the page is not.
  const shown = lines.filter(({ right }) => right > 0);
  const page = document.documentElement.clientWidth;
  const isCut = ({ parent, left, right, top, bottom }) => {
    let scrolls = false;
    let isInBlock = parent.closest("svg") === null;
    for (let element = parent; element !== null && element !== document.body; element = element.parentElement) {
      const { display, overflowX } = getComputedStyle(element);
      const box = element.getBoundingClientRect();
      const isOutside = left < box.left - 1 || right > box.right + 1;
      if (overflowX === "auto" || overflowX === "scroll") scrolls = true;
      if (!scrolls && overflowX !== "visible" && (isOutside || top < box.top || bottom > box.bottom)) return true;
      if (isInBlock && display !== "inline" && display !== "contents") {
        if (isOutside) return true;
        isInBlock = false;
      }
    }
    return !scrolls && (left < 0 || right > page);
  };
  const problems = shown.filter(isCut).map(({ text }) => "cut: " + text);
  shown.sort((one, other) => one.top - other.top);
  for (const [place, one] of shown.entries()) {
    for (let next = place + 1; next < shown.length && shown[next].top < one.bottom - 1; next++) {
      const other = shown[next];
      if (one.left < other.right - 1 && other.left < one.right - 1) problems.push("overlap: " + one.text + " / " + other.text);
    }
  }
  return { lines: shown.length, problems };
})()`;

const measured = z.object({ lines: z.number(), problems: z.array(z.string()) });

/** The lines of text that are cut or overlap in the view that the page shows, and how many lines there are. */
export const textProblems = async (page: Page) => measured.parse(await page.evaluate(measure));
