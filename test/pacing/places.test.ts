import { expect, test } from "vitest";
import { createPlaces } from "../../src/pacing/places.ts";

const settled = () => new Promise<void>((resolve) => setImmediate(resolve));

/** Takes a place, and adds its name to `order` when it has it. */
function taking(places: ReturnType<typeof createPlaces>, name: string, order: string[]) {
  const place = places.take();
  void place.then(() => order.push(name));
  return place;
}

test("more callers than places → the others wait, and get one in the order in which they came", async () => {
  const places = createPlaces(1);
  const order: string[] = [];
  const [a, b] = [taking(places, "a", order), taking(places, "b", order)];
  taking(places, "c", order);
  await settled();
  expect(order).toEqual(["a"]);
  (await a).leave();
  await settled();
  expect(order).toEqual(["a", "b"]);
  (await b).leave();
  await settled();
  expect(order).toEqual(["a", "b", "c"]);
});

test("a caller steps aside → another uses its place, and it returns before new callers", async () => {
  const places = createPlaces(1);
  const order: string[] = [];
  const a = await taking(places, "a", order);
  const b = taking(places, "b", order);
  taking(places, "c", order);
  const wait = Promise.withResolvers<void>();
  const back = a.aside(() => wait.promise).then(() => order.push("a again"));
  await settled();
  expect(order).toEqual(["a", "b"]);
  wait.resolve();
  await settled();
  expect(order).toEqual(["a", "b"]);
  (await b).leave();
  await back;
  expect(order).toEqual(["a", "b", "a again"]);
  a.leave();
  await settled();
  expect(order).toEqual(["a", "b", "a again", "c"]);
});

test("a place is left twice, and stepped aside from after that → it goes to one caller only", async () => {
  const places = createPlaces(1);
  const order: string[] = [];
  const a = await taking(places, "a", order);
  taking(places, "b", order);
  taking(places, "c", order);
  a.leave();
  a.leave();
  await a.aside(settled);
  await settled();
  expect(order).toEqual(["a", "b"]);
});
