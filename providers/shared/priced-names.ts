/** What vendors call the things that a job is sold by, under the neutral field that asks for them. Names in snake case. */
const spellings = {
  n: /^(n|(num|number_of|n|max)_(images|outputs|samples|results|videos|songs|generations|variations|completions)|batch_(size|count)|(image|video|sample|candidate|output)_count|sequential_image_generation)$/,
  seconds:
    /^((video|audio|clip|music|output|total|max|target|segment)_?)?(duration|length|seconds)(_(seconds?|secs?|ms|s|in_seconds|total|in_frames))?$|^((num|n|max|target|total|output|number_of)_)?(interpolated_)?frames?(_(count|num|rate|rates|per_second|length))?$|^(framerate|((target|output|video)_)?fps)$|^(total_second_length|frame_(num|count)|num_interpolated_frames|multi_prompt|shots)$/,
  size: /^((image|video|output|target|max|out)_)?(size|width|height|megapixels|pixels)$|^(upscale|upscal(ing|e)_factor|scale|scale_factor|outscale)$/,
  resolution: /^((video|image|output|target|max)_)?resolution$/,
  quality: /^((video|image|render(ing)?)_)?quality$|^rendering_speed$/,
  audio:
    /^((input_)?audio(_(url|uri)s?)?|((generate|with|enable|add|include|has|native)_)?(audio|sound)(_enabled)?|sound_effects?_switch)$/,
  prompt: /^(prompt|prompts)$/,
  text: /^(text|input_text|gen_text|ssml|script|inputs)$/,
  lyrics: /^(lyrics|lyrics_prompt)$/,
  images: /^(input_)?images?(_(url|uri)s?)?(_\d+)?$/,
  mask: /^mask(_image)?(_(url|uri))?$/,
  video: /^(input_)?videos?(_(url|uri)s?)?$/,
} satisfies Record<string, RegExp>;

export type PricedField = keyof typeof spellings;
export const pricedFields = Object.keys(spellings) as PricedField[];
/** Those that are figures and words; the others are texts and media. */
export const pricedFigures: PricedField[] = ['n', 'seconds', 'size', 'resolution', 'quality', 'audio'];

/** The neutral field that asks for what a vendor's parameter does, where that decides about the cost. */
export function pricedField(name: string, among: readonly PricedField[] = pricedFields): PricedField | undefined {
  const plain = name.replace(/([a-z\d])([A-Z])/g, '$1_$2').toLowerCase();
  return among.find((field) => spellings[field].test(plain));
}
