import { everyAnswer, type HttpResponse } from "./exchange.ts";

/** scripts/statusPage.ts makes both from page/, and the build inserts them here. */
declare const STATUS_PAGE_HTML: string;
declare const STATUS_PAGE_POLICY: string;

/** The status page: static and without data, so it needs no key. It calls the routes with one. */
export const statusPage = (): HttpResponse => ({
  status: 200,
  headers: {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": STATUS_PAGE_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    ...everyAnswer,
  },
  body: STATUS_PAGE_HTML,
});
