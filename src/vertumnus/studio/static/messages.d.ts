// Written by vertumnus.studio.described from the models of schema.py; do not edit.

/** Adds layers on top; beside each other in the middle, or where there is most room in a run, unless said. */
export interface Add {
  seq?: number | null;
  kind: "add";
  elements?: NewElement[];
  /** words that become pieces, one for each line */
  text?: string | null;
  /** a family of this machine */
  font?: string | null;
  /** of the words: a CSS colour */
  color?: string;
  x?: number | null;
  y?: number | null;
}

/** Ends a job; results that are there stay. */
export interface Cancel {
  seq?: number | null;
  kind: "cancel";
  job: string;
}

/** Changes the canvas. What is not named stays; a background of null is a transparent ground. */
export interface Canvas {
  seq?: number | null;
  kind: "canvas";
  width?: number | null;
  height?: number | null;
  background?: string | null;
  clip?: string | null;
  prompt?: string | null;
}

/** What has changed in the document. */
export interface Changed {
  kind: "changed";
  revision: number;
  /** those that are new or changed, whole */
  layers: LayerShown[];
  removed: string[];
  /** all ids back to front, if that has changed */
  order: string[] | null;
  /** fields of the document beside its layers that changed */
  canvas: { [name: string]: unknown } | null;
  /** the connection that asked for it */
  by: number | null;
  transient: boolean;
}

/** Takes a job's result into the document: a step of the history. */
export interface Choose {
  seq?: number | null;
  kind: "choose";
  job: string;
  index?: number;
}

/** A whole document. */
export interface DocumentShown {
  id: string;
  name: string;
  /** relative to the folder that the studio was opened on */
  path: string;
  width: number;
  height: number;
  background: string | null;
  rendering: string;
  clip: string | null;
  prompt: string | null;
  seed: number | null;
  /** tool, options and report of what made it */
  made_by: { [name: string]: unknown } | null;
  /** back to front */
  layers: LayerShown[];
}

/** A command was obeyed. */
export interface Done {
  kind: "done";
  seq: number | null;
  revision: number;
  /** layers that came of it */
  ids: string[] | null;
  /** the job that began */
  job: string | null;
}

/** Changes layers; all of it is one step of the history. */
export interface Edit {
  seq?: number | null;
  kind: "edit";
  layers: LayerEdit[];
  /** what the step is called */
  name?: string;
  /** more will follow, as while dragging: shown to all, and a step only with the one after */
  transient?: boolean;
}

/** Something went wrong that no command asked for. */
export interface Failed {
  kind: "error";
  message: string;
  about: string | null;
}

/** Goes to a step of the history: 0 is as it was opened. */
export interface Go {
  seq?: number | null;
  kind: "go";
  step: number;
}

/** The history has changed. */
export interface History {
  kind: "history";
  steps: string[];
  at: number;
}

/** The steps there are, and how many of them are done. */
export interface HistoryShown {
  steps: string[];
  at: number;
}

/** Begins work that gives results to choose from. */
export interface Job {
  seq?: number | null;
  kind: "job";
  verb: "harmonize" | "mosaic" | "generate" | "cutout" | "words";
  /** the job's own, see /api/options/{verb} */
  options?: { [name: string]: unknown };
}

/** How a job stands now. */
export interface JobNow {
  id: string;
  verb: string;
  /** what was asked for */
  options: { [name: string]: unknown };
  state: "running" | "done" | "cancelled" | "failed";
  /** what is going on */
  what: string;
  done: number;
  total: number;
  left_seconds: number | null;
  results: ResultShown[];
  chosen: number | null;
  message: string | null;
  kind: "job";
}

/** How a job stands. */
export interface JobShown {
  id: string;
  verb: string;
  /** what was asked for */
  options: { [name: string]: unknown };
  state: "running" | "done" | "cancelled" | "failed";
  /** what is going on */
  what: string;
  done: number;
  total: number;
  left_seconds: number | null;
  results: ResultShown[];
  chosen: number | null;
  message: string | null;
}

/** New values for fields of one layer, by the names they have in the document. */
export interface LayerEdit {
  id: string;
  changes: { [name: string]: unknown };
}

/** A layer as the page gets it: its fields as in the document, and what showing it takes. */
export interface LayerShown {
  id: string;
  name: string;
  /** elements/<hash>.png; its picture is at images/<hash>.png */
  image: string;
  /** the part shown: left, top, width, height in the picture's own pixels; null for all of it */
  crop: [number, number, number, number] | null;
  x: number;
  y: number;
  scale: number;
  /** degrees, clockwise */
  rotation: number;
  /** mirrored left to right before it is squeezed, sheared and turned */
  flip: boolean;
  /** multiplies its height once more */
  squeeze: number;
  /** degrees, as SVG's skewX, before it is turned */
  shear: number;
  opacity: number;
  /** nearer the eye the larger, in a collage whose rendering is opacity */
  depth: number;
  /** multiplies red, green, blue */
  gain: [number, number, number];
  /** added to red, green, blue after the gain */
  offset: [number, number, number];
  /** what gain and offset work on: linear light, or sRGB values as version 1 did */
  light: "linear" | "srgb";
  /** what of the picture is shown; a hexagon has a point at its top and fills the rest */
  outline: "rectangle" | "hexagon";
  /** an upright picture's edges are drawn on whole pixels at any scale, so that pictures that share an edge leave no seam */
  snap: boolean;
  visible: boolean;
  /** tools leave it where it is */
  locked: boolean;
  /** what the layer shows, for tools steered by words */
  prompt: string | null;
  /** how far harmonising may change it */
  noise: number;
  /** how firmly harmonising keeps its edges */
  control: number;
  /** how strongly attention to its words is drawn to where it shows, in harmonising */
  attract: number;
  /** how strongly attention to its words is kept from elsewhere */
  repel: number;
  /** its number in binary frames */
  slot: number;
  /** of what is shown of its picture, that picture's pixels */
  size: [number, number];
  /** of its whole picture, that picture's pixels */
  picture: [number, number];
}

/** A picture that becomes a layer: of an upload, an icon, or a picture of the document itself. */
export interface NewElement {
  /** what an upload was answered with */
  upload?: string | null;
  /** an icon's name */
  icon?: string | null;
  /** a picture of this document, elements/<hash>.png */
  image?: string | null;
  /** of an icon: a CSS colour */
  color?: string;
  name?: string | null;
  x?: number | null;
  y?: number | null;
  scale?: number | null;
  rotation?: number;
}

/** Changes an option of the run, which goes on from where it is. */
export interface Option {
  seq?: number | null;
  kind: "option";
  name: string;
  value: unknown;
}

/** Holds the run between two steps. */
export interface Pause {
  seq?: number | null;
  kind: "pause";
}

/** Locks layers where they are; in a run the others flow around them. */
export interface Pin {
  seq?: number | null;
  kind: "pin";
  ids: string[];
}

/** Asks for an answer. */
export interface Ping {
  seq?: number | null;
  kind: "ping";
}

/** Does again what was taken back last. */
export interface Redo {
  seq?: number | null;
  kind: "redo";
}

/** A command was not obeyed, and why, in one sentence. */
export interface Refused {
  kind: "refused";
  seq: number | null;
  message: string;
  field: string | null;
}

/** Unlocks layers. */
export interface Release {
  seq?: number | null;
  kind: "release";
  ids: string[];
}

/** Takes layers away. */
export interface Remove {
  seq?: number | null;
  kind: "remove";
  ids: string[];
}

/** Moves layers, together and in the order they have, to a place in the stack: 0 is the back. */
export interface Reorder {
  seq?: number | null;
  kind: "reorder";
  ids: string[];
  to: number;
}

/** Gives a layer another picture, as large as the one it had. */
export interface Replace {
  seq?: number | null;
  kind: "replace";
  id: string;
  element: NewElement;
}

/** One result of a job. */
export interface ResultShown {
  index: number;
  /** address of its picture, relative to the document's */
  image: string;
  seed: number | null;
  name: string | null;
  /** of an object that was cut out: what `add` calls it */
  upload: string | null;
}

/** Lets a paused run go on. */
export interface Resume {
  seq?: number | null;
  kind: "resume";
}

/** Begins a run on the document: its layers are the pieces, locked ones stay. */
export interface Run {
  seq?: number | null;
  kind: "run";
  verb: "pack" | "compose";
  /** what to fill (pack), or to stay in (compose) */
  shape?: ShapeGiven | null;
  /** what compose is to show */
  prompt?: string | null;
  /** compose: an upload, the photograph to rebuild */
  like?: string | null;
  /** compose: what judges the picture, NAME[:MODEL][=WEIGHT] */
  guidance?: string[] | null;
  /** pieces in all; the pictures are used in turn */
  count?: number | null;
  seed?: number;
  /** pieces start somewhere else than where they lie */
  anew?: boolean;
  /** the verb's own, see /api/options/{verb} */
  options?: { [name: string]: unknown };
}

/** How a run stands. */
export interface RunShown {
  verb: string;
  state: "starting" | "running" | "paused" | "finished" | "stopped" | "failed";
  phase: string;
  done: number;
  total: number;
  left_seconds: number | null;
  score: number | null;
  /** what of a prompt was understood */
  understood: string | null;
  message: string | null;
}

/** How the run stands now. */
export interface Running {
  verb: string;
  state: "starting" | "running" | "paused" | "finished" | "stopped" | "failed";
  phase: string;
  done: number;
  total: number;
  left_seconds: number | null;
  score: number | null;
  /** what of a prompt was understood */
  understood: string | null;
  message: string | null;
  kind: "run";
}

/** Writes the document now. It is written by itself two seconds after a change. */
export interface Save {
  seq?: number | null;
  kind: "save";
}

/** The document is on disk. */
export interface Saved {
  kind: "saved";
  revision: number;
}

/** A region of the canvas, named or drawn. */
export interface ShapeGiven {
  /** circle, heart, square, star, canvas, icon:NAME or text:Q */
  named?: string | null;
  /** a picture or SVG that was uploaded */
  upload?: string | null;
  /** a polygon on the canvas */
  lasso?: [number, number][] | null;
  invert?: boolean;
}

/** Ends the run as soon as its layout keeps what it promises; the layout stays. */
export interface Stop {
  seq?: number | null;
  kind: "stop";
}

/** Takes the last step back; while something runs, the last thing that the run was told. */
export interface Undo {
  seq?: number | null;
  kind: "undo";
}

/** A file that was sent and can be used, as uploads are answered. */
export interface UploadShown {
  /** what commands call it */
  id: string;
  name: string;
  kind: "picture" | "text" | "collage";
  /** of a picture, pixels */
  width: number | null;
  /** of a picture, pixels */
  height: number | null;
}

/** The first message of a connection: everything there is. */
export interface Welcome {
  kind: "welcome";
  document: DocumentShown;
  history: HistoryShown;
  revision: number;
  /** the revision that is on disk */
  saved: number;
  run: RunShown | null;
  jobs: JobShown[];
  /** the number of this connection */
  client: number;
}

export type Command = Edit | Add | Remove | Replace | Reorder | Canvas | Undo | Redo | Go | Run | Pause | Resume | Stop | Pin | Release | Option | Job | Cancel | Choose | Save | Ping;
export type FromServer = Welcome | Changed | History | Running | JobNow | Saved | Done | Refused | Failed;
