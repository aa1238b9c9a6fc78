import { createServer } from "node:http";
import { text } from "node:stream/consumers";
import { listen } from "../../local/listen.ts";
import type { DryRun, Gateway, Problem, Run } from "../../page/answers.ts";
import { buildStatusPage } from "../../scripts/statusPage.ts";

/** What the routes answer. */
export interface CannedAnswers {
  readonly gateways: readonly Gateway[];
  readonly run?: Run;
  readonly dryRun?: DryRun;
  /** 400 to a request to rotate. */
  readonly refused?: Problem;
  /** 503 to a request for the gateways. */
  readonly unavailable?: Problem;
}

export interface PageServer {
  /** Of the page. */
  readonly url: string;
  key: string;
  answers: CannedAnswers;
  close(): void;
}

/** Serves the built page, and answers beside it to one function key: for states that the real job rarely reaches. */
export async function startPageServer(): Promise<PageServer> {
  const { html, contentSecurityPolicy } = await buildStatusPage();
  const running = { key: "function-key-of-the-test", answers: { gateways: [] } as CannedAnswers };

  function answer(method: string, path: string, body: string): readonly [number, unknown] {
    const { gateways, run, dryRun, refused, unavailable } = running.answers;
    if (path === "/api/gateways" && unavailable !== undefined) return [503, unavailable];
    if (path === "/api/gateways") return [200, { gateways }];
    if (method === "GET") return run === undefined ? [404, {}] : [200, run];
    if (refused !== undefined) return [400, refused];
    return body.includes('"dryRun":true') ? [207, dryRun] : [207, run];
  }

  const server = createServer(async (request, response) => {
    const { method = "", url = "", headers } = request;
    if (url === "/api/status") {
      response.setHeader("content-security-policy", contentSecurityPolicy);
      response.writeHead(200, { "content-type": "text/html; charset=utf-8" }).end(html);
      return;
    }
    if (headers["x-functions-key"] !== running.key) {
      response.writeHead(401).end();
      return;
    }
    const [status, body] = answer(method, url, await text(request));
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  const port = await listen(server);
  return Object.assign(running, {
    url: `http://127.0.0.1:${port}/api/status`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  });
}
