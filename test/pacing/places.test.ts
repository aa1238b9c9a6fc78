import { describe, expect, test } from "vitest";
import { createVirtualClock } from "../../scripts/bench/virtualClock.ts";
import { createPlaces } from "../../src/pacing/places.ts";

const clock = createVirtualClock();

const placesFor = (count: number, isBusy = () => false) => createPlaces({ count, isBusy, clock });

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Takes a place, and tells when it has it. */
function taking(places: ReturnType<typeof createPlaces>, name: string, told: string[]) {
  const place = places.take();
  void place.then(() => told.push(name));
  return place;
}

test("more than there are places → the others wait, and come in their order", async () => {
  const places = placesFor(1);
  const told: string[] = [];
  const [a, b] = [taking(places, "a", told), taking(places, "b", told)];
  taking(places, "c", told);
  await settled();
  expect(told).toEqual(["a"]);
  (await a).leave();
  await settled();
  expect(told).toEqual(["a", "b"]);
  (await b).leave();
  await settled();
  expect(told).toEqual(["a", "b", "c"]);
});

test("one steps aside → its place is another's meanwhile, and it comes back before those who have not begun", async () => {
  const places = placesFor(1);
  const told: string[] = [];
  const a = await taking(places, "a", told);
  const b = taking(places, "b", told);
  taking(places, "c", told);
  const wait = Promise.withResolvers<void>();
  const back = a.aside(() => wait.promise).then(() => told.push("a again"));
  await settled();
  expect(told).toEqual(["a", "b"]);
  wait.resolve();
  await settled();
  expect(told).toEqual(["a", "b"]);
  (await b).leave();
  await back;
  expect(told).toEqual(["a", "b", "a again"]);
  a.leave();
  await settled();
  expect(told).toEqual(["a", "b", "a again", "c"]);
});

test("a place that is left twice, or aside after that → is given once", async () => {
  const places = placesFor(1);
  const told: string[] = [];
  const a = await taking(places, "a", told);
  taking(places, "b", told);
  taking(places, "c", told);
  a.leave();
  a.leave();
  await a.aside(settled);
  await settled();
  expect(told).toEqual(["a", "b"]);
});

describe("a process that has as much to do as it can", () => {
  test("a quarter of the places is given, and no more while it is so", async () => {
    const places = placesFor(8, () => true);
    const told: string[] = [];
    const [a] = ["a", "b", "c", "d"].map((name) => taking(places, name, told));
    await settled();
    expect(told).toEqual(["a", "b"]);
    (await a)?.leave();
    await settled();
    expect(told).toEqual(["a", "b", "c"]);
  });

  test("it has time again, and nobody leaves → the others come all the same, in their order", async () => {
    let isBusy = true;
    const places = placesFor(8, () => isBusy);
    const told: string[] = [];
    for (const name of ["a", "b", "c", "d"]) taking(places, name, told);
    await clock.run(clock.sleep(1000));
    expect(told).toEqual(["a", "b"]);
    isBusy = false;
    await clock.run(clock.sleep(1000));
    expect(told).toEqual(["a", "b", "c", "d"]);
  });

  test("whoever comes when it has time → does not overtake those who wait", async () => {
    let isBusy = true;
    const places = placesFor(8, () => isBusy);
    const told: string[] = [];
    for (const name of ["a", "b", "c"]) taking(places, name, told);
    await settled();
    isBusy = false;
    taking(places, "d", told);
    await settled();
    expect(told).toEqual(["a", "b", "c", "d"]);
  });

  test("one place alone → is given all the same", async () => {
    const places = placesFor(1, () => true);
    const told: string[] = [];
    const a = taking(places, "a", told);
    taking(places, "b", told);
    (await a).leave();
    await settled();
    expect(told).toEqual(["a", "b"]);
  });
});
