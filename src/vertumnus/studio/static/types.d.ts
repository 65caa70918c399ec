// What the server sends, as far as the page looks at it. The whole schema is in docs/api.md.

export interface Layer {
  id: string;
  slot: number;
  name: string;
  image: string;
  size: [number, number];
  picture?: [number, number];
  crop: [number, number, number, number] | null;
  x: number;
  y: number;
  scale: number;
  rotation: number;
  flip: boolean;
  squeeze: number;
  shear: number;
  opacity: number;
  depth: number;
  gain: [number, number, number];
  offset: [number, number, number];
  light: "linear" | "srgb";
  outline: "rectangle" | "hexagon";
  snap: boolean;
  visible: boolean;
  locked: boolean;
  prompt: string | null;
  noise: number;
  control: number;
  attract: number;
  repel: number;
}

export interface Canvas {
  id: string;
  name: string;
  path: string;
  width: number;
  height: number;
  background: string | null;
  rendering: string;
  clip: string | null;
  prompt: string | null;
  seed: number | null;
  made_by: { tool: string; options: Record<string, unknown>; report?: Record<string, unknown> } | null;
}

export interface History {
  steps: string[];
  at: number;
}

export interface Run {
  verb: string;
  state: "starting" | "running" | "paused" | "finished" | "stopped" | "failed";
  phase: string;
  done: number;
  total: number;
  left_seconds: number | null;
  score: number | null;
  understood: string | null;
  message: string | null;
}

export interface Result {
  index: number;
  image: string;
  seed: number | null;
  name: string | null;
}

export interface Job {
  id: string;
  verb: string;
  state: "waiting" | "running" | "done" | "cancelled" | "failed";
  what: string;
  done: number;
  total: number;
  left_seconds: number | null;
  results: Result[];
  options?: Record<string, unknown>;
  chosen: number | null;
  message: string | null;
}

export interface Upload {
  id: string;
  name: string;
  width: number;
  height: number;
  kind: string;
}

export interface Done {
  kind: "done";
  seq: number;
  revision: number;
  ids?: string[] | null;
  job?: string | null;
}

export interface Command {
  kind: string;
  [field: string]: unknown;
}

export interface Schema {
  type?: string | string[];
  title?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  $ref?: string;
  $defs?: Record<string, Schema>;
}
