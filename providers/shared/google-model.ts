import { GatewayError } from '../../src/contract/index.ts';

/** A Gemini model id as a path below `/v1beta`. It becomes part of an address, so nothing but a name is let through. */
export function modelPath(model: string): string {
  const name = /^(models|tunedModels)\//.test(model) ? model : `models/${model}`;
  if (!/^[a-zA-Z]+\/(?!\.+$)[A-Za-z0-9._-]+$/.test(name)) {
    throw new GatewayError('model_not_found', { message: `"${model}" is not a Gemini model name.`, param: 'model' });
  }
  return name;
}

/** A model that transcribes and nothing else. */
export function isSpecialist(model: string): boolean {
  return model.includes('transcribe');
}
