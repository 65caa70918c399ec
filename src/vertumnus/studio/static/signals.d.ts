export type { Signal, ReadonlySignal } from "@preact/signals";
