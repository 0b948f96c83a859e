import type { Simulator, SimulatorOptions } from '../simulator.ts';
import { comfyui } from './comfyui.ts';
import { firefly } from './firefly.ts';
import { meshy } from './meshy.ts';
import { midjourney } from './midjourney.ts';
import { nim3d } from './nim-3d.ts';
import { stableDiffusionWebui } from './stable-diffusion-webui.ts';
import { suno } from './suno.ts';
import { tripo } from './tripo.ts';
import { udio } from './udio.ts';

/** Simulators of upstreams that are configuration alone, by the id of their row. */
export const httpSimulators: Record<string, (options?: SimulatorOptions) => Simulator> = {
  'stable-diffusion-webui': stableDiffusionWebui,
  comfyui,
  midjourney,
  suno,
  udio,
  firefly,
  'nim-3d': nim3d,
  meshy,
  tripo,
};
