import type { Call } from '../../src/contract/index.ts';

/** Whether a model speaks with several voices at once: by its row, or by its name. */
export function speaksDialogues({ model, options }: Pick<Call, 'model' | 'options'>): boolean {
  return typeof options.dialogue === 'boolean' ? options.dialogue : model.startsWith('eleven_v3');
}

/** Whether a model is told the language. */
export function takesLanguage({ model }: Pick<Call, 'model'>): boolean {
  return !/multilingual_v[12]$/.test(model);
}
