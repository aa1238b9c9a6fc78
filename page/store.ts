import type { DryRun, Gateway, Problem, RotationBody, Run } from "./answers.ts";
import { type Answer, type Api, type Credentials, createApi } from "./api.ts";
import { forgetRun, newRun, type SavedRun, savedRun, saveRun } from "./savedRun.ts";
import type { Filter } from "./words.ts";

/** What the page shows. */
export interface State {
  /** `locked`: there is no function key in memory. */
  readonly access:
    | { readonly kind: "locked"; readonly isChecking: boolean; readonly problem?: Problem }
    | { readonly kind: "open" };
  readonly gateways: readonly Gateway[];
  /** When `gateways` was read, in milliseconds since 1970. */
  readonly readAt: number;
  /** Why the last read failed. */
  readonly readProblem: Problem | undefined;
  readonly filter: Filter;
  /** Names. */
  readonly selected: ReadonlySet<string>;
  /** The open dialog. */
  readonly request: RequestDialog | undefined;
  readonly run: FollowedRun | undefined;
  /** What a screen reader announces. */
  readonly notice: string;
}

export interface RequestDialog {
  readonly gateways: readonly Gateway[];
  /** Every configured gateway: the request names `*`. */
  readonly isAll: boolean;
  readonly dryRun: Answer<DryRun> | "running" | undefined;
}

/** What a person chose in the dialog. */
export type Choice = Pick<RotationBody, "reason" | "mode" | "takeOwnership">;

export interface FollowedRun {
  readonly saved: SavedRun;
  readonly answer: Run | undefined;
  /** Why the request was refused, or the last read failed. */
  readonly problem: Problem | undefined;
  /** `refused`: nothing was started. `missing`: no such run, so the request did not arrive. */
  readonly state: "following" | "settled" | "refused" | "missing";
}

/** A new run cannot be read at once. After this many reads without an answer, the page reports it as missing. */
const missedReads = 5;

/** The pause before the next read of a run, in milliseconds. It grows with the time that the page has followed the run. */
const pauseMs = (followedMs: number): number =>
  followedMs < 10_000 ? 1_000 : followedMs < 60_000 ? 2_000 : followedMs < 600_000 ? 10_000 : 30_000;

const refreshMs = 60_000;

export type Store = ReturnType<typeof createStore>;

/** @param draw called after every change */
export function createStore(draw: (state: State) => void) {
  let api: Api | undefined;
  const saved = savedRun();
  let state: State = {
    access: { kind: "locked", isChecking: false },
    gateways: [],
    readAt: 0,
    readProblem: undefined,
    filter: { text: "", onlyAttention: false },
    selected: new Set(),
    request: undefined,
    run:
      saved === undefined ? undefined : { saved, answer: undefined, problem: undefined, state: "following" },
    notice: "",
  };

  function set(changes: Partial<State>): void {
    state = { ...state, ...changes };
    draw(state);
  }

  function lock(problem?: Problem): void {
    api = undefined;
    set({
      access: { kind: "locked", isChecking: false, ...(problem && { problem }) },
      gateways: [],
      selected: new Set(),
      request: undefined,
    });
  }

  /** @returns whether the caller's key is still accepted */
  function isOpen(using: Api, answer: Answer<unknown>): boolean {
    if (using !== api) return false;
    if (answer.kind === "answered" || answer.status !== 401) return true;
    lock(answer.problem);
    return false;
  }

  async function refresh(): Promise<void> {
    const using = api;
    if (using === undefined) return;
    const read = await using.listGateways();
    if (isOpen(using, read)) showGateways(read);
  }

  function showGateways(
    read: Answer<{ readonly gateways: readonly Gateway[] }>,
    access = state.access,
  ): void {
    if (read.kind === "refused") {
      set({ access, readProblem: read.problem });
      return;
    }
    const { gateways } = read.body;
    const names = new Set(gateways.map(({ name }) => name));
    set({
      access,
      gateways,
      readAt: Date.now(),
      readProblem: undefined,
      selected: state.selected.intersection(names),
    });
  }

  /** Changes the run on the page, unless the page shows another run now. */
  function setRun(id: string, changes: Partial<FollowedRun>): void {
    const { run } = state;
    if (run?.saved.id === id) set({ run: { ...run, ...changes } });
  }

  function showAnswer(id: string, answer: Run): void {
    const before = state.run?.answer;
    const isSettled = answer.state === "settled";
    setRun(id, { answer, problem: undefined, state: isSettled ? "settled" : "following" });
    if (answer.summary === before?.summary && answer.state === before.state) return;
    set({ notice: answer.summary });
    void refresh();
  }

  async function send(saved: SavedRun): Promise<void> {
    const using = api;
    if (using === undefined) return;
    const sent = await using.rotate(saved.body, saved.idempotencyKey);
    if (!isOpen(using, sent)) return;
    if (sent.kind === "answered") return showAnswer(saved.id, sent.body);
    // After a lost answer, `follow` reads the run until it exists or counts as missing.
    setRun(saved.id, {
      problem: sent.problem,
      ...(sent.problem.effect === "unchanged" && { state: "refused" }),
    });
  }

  async function follow({ id }: SavedRun, isSending: () => boolean): Promise<void> {
    const [using, startedAt] = [api, Date.now()];
    let missed = 0;
    const isFollowed = () => state.run?.saved.id === id && state.run.state === "following" && using === api;
    while (using !== undefined && isFollowed()) {
      const read = await using.readRun(id);
      if (!isFollowed() || !isOpen(using, read)) return;
      if (read.kind === "answered") showAnswer(id, read.body);
      else if (read.status !== 404) setRun(id, { problem: read.problem });
      else if (!isSending() && ++missed === missedReads) setRun(id, { state: "missing" });
      if (isFollowed()) await sleep(pauseMs(Date.now() - startedAt));
    }
  }

  function start(saved: SavedRun): void {
    let isSending = true;
    set({ run: { saved, answer: undefined, problem: undefined, state: "following" }, request: undefined });
    void send(saved).finally(() => {
      isSending = false;
    });
    void follow(saved, () => isSending);
  }

  function bodyOf({ gateways, isAll }: RequestDialog, choice: Choice): RotationBody {
    if (isAll) return { ...choice, gateways: "*", confirm: "*" };
    return { ...choice, gateways: gateways.map(({ name }) => name) };
  }

  setInterval(() => {
    if (document.visibilityState === "visible") void refresh();
  }, refreshMs);

  return {
    draw: () => draw(state),
    refresh,
    lock: () => lock(),
    async unlock(credentials: Credentials): Promise<void> {
      const using = createApi(credentials);
      set({ access: { kind: "locked", isChecking: true } });
      const read = await using.listGateways();
      // Runs can be read even while the configuration is wrong.
      if (read.kind === "refused" && read.status !== 503) return lock(read.problem);
      api = using;
      showGateways(read, { kind: "open" });
      if (state.run?.state === "following") void follow(state.run.saved, () => false);
    },
    setFilter: (changes: Partial<Filter>) => set({ filter: { ...state.filter, ...changes } }),
    select(names: readonly string[], isSelected: boolean): void {
      const named = new Set(names);
      const { selected } = state;
      set({ selected: isSelected ? selected.union(named) : selected.difference(named) });
    },
    openRequest(): void {
      const gateways = state.gateways.filter(({ name }) => state.selected.has(name));
      set({ request: { gateways, isAll: gateways.length === state.gateways.length, dryRun: undefined } });
    },
    closeRequest: () => set({ request: undefined }),
    /** Removes the result of a dry run that was made for another choice. */
    discardDryRun(): void {
      if (state.request !== undefined) set({ request: { ...state.request, dryRun: undefined } });
    },
    async dryRun(choice: Choice): Promise<void> {
      const [using, { request }] = [api, state];
      if (using === undefined || request === undefined) return;
      const running: RequestDialog = { ...request, dryRun: "running" };
      set({ request: running, notice: "The dry run has started." });
      const answer = await using.dryRun(bodyOf(request, choice));
      if (isOpen(using, answer) && state.request === running)
        set({ request: { ...running, dryRun: answer }, notice: "The dry run has ended." });
    },
    async rotate(choice: Choice): Promise<void> {
      const { request } = state;
      if (request === undefined) return;
      const saved = await newRun(bodyOf(request, choice));
      saveRun(saved);
      set({ selected: new Set(), notice: "The rotation was requested." });
      start(saved);
    },
    /** Sends the run's request again, with its Idempotency-Key: it starts no second run. */
    sendAgain(): void {
      if (state.run !== undefined) start(state.run.saved);
    },
    closeRun(): void {
      forgetRun();
      set({ run: undefined });
    },
    async copyIds(text: string): Promise<void> {
      try {
        await navigator.clipboard.writeText(text);
        set({ notice: "The request ids were copied." });
      } catch {
        set({ notice: "The browser refused to copy. Select the text instead." });
      }
    },
  };
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
