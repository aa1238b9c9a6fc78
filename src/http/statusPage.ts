import type { HttpResponse } from "./exchange.ts";

/** The build puts these here, which scripts/statusPage.ts makes from page/. */
declare const STATUS_PAGE_HTML: string;
declare const STATUS_PAGE_POLICY: string;

/** The status page: static and without data, so that anybody may have it. It calls the other routes with a key. */
export const statusPage = (): HttpResponse => ({
  status: 200,
  headers: {
    "content-type": "text/html; charset=utf-8",
    "content-security-policy": STATUS_PAGE_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
  },
  body: STATUS_PAGE_HTML,
});
