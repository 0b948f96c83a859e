import models from './models.json' with { type: 'json' };
import anthropic from './prices/anthropic.json' with { type: 'json' };
import bfl from './prices/bfl.json' with { type: 'json' };
import blackForestLabs from './prices/black-forest-labs.json' with { type: 'json' };
import cohere from './prices/cohere.json' with { type: 'json' };
import deepgram from './prices/deepgram.json' with { type: 'json' };
import deepseek from './prices/deepseek.json' with { type: 'json' };
import elevenlabs from './prices/elevenlabs.json' with { type: 'json' };
import fal from './prices/fal.json' with { type: 'json' };
import firefly from './prices/firefly.json' with { type: 'json' };
import google from './prices/google.json' with { type: 'json' };
import groq from './prices/groq.json' with { type: 'json' };
import hyper3d from './prices/hyper3d.json' with { type: 'json' };
import luma from './prices/luma.json' with { type: 'json' };
import meshy from './prices/meshy.json' with { type: 'json' };
import midjourney from './prices/midjourney.json' with { type: 'json' };
import minimax from './prices/minimax.json' with { type: 'json' };
import mistral from './prices/mistral.json' with { type: 'json' };
import openai from './prices/openai.json' with { type: 'json' };
import openrouter from './prices/openrouter.json' with { type: 'json' };
import perplexity from './prices/perplexity.json' with { type: 'json' };
import qwen from './prices/qwen.json' with { type: 'json' };
import recraft from './prices/recraft.json' with { type: 'json' };
import replicate from './prices/replicate.json' with { type: 'json' };
import runway from './prices/runway.json' with { type: 'json' };
import stability from './prices/stability.json' with { type: 'json' };
import suno from './prices/suno.json' with { type: 'json' };
import together from './prices/together.json' with { type: 'json' };
import tripo from './prices/tripo.json' with { type: 'json' };
import udio from './prices/udio.json' with { type: 'json' };
import xai from './prices/xai.json' with { type: 'json' };
import providers from './providers.json' with { type: 'json' };
import routes from './routes.json' with { type: 'json' };

/** The configuration of the house, bundled: the same on Node and on Workers. */
export const shipped = {
  models,
  providers,
  routes,
  prices: [
    openai,
    anthropic,
    google,
    replicate,
    deepseek,
    mistral,
    xai,
    groq,
    together,
    cohere,
    qwen,
    openrouter,
    stability,
    runway,
    luma,
    recraft,
    perplexity,
    minimax,
    hyper3d,
    fal,
    elevenlabs,
    deepgram,
    blackForestLabs,
    bfl,
    firefly,
    meshy,
    midjourney,
    suno,
    tripo,
    udio,
  ] as unknown[],
};
