import models from './models.json' with { type: 'json' };
import anthropic from './prices/anthropic.json' with { type: 'json' };
import cohere from './prices/cohere.json' with { type: 'json' };
import deepseek from './prices/deepseek.json' with { type: 'json' };
import google from './prices/google.json' with { type: 'json' };
import groq from './prices/groq.json' with { type: 'json' };
import local from './prices/local.json' with { type: 'json' };
import mistral from './prices/mistral.json' with { type: 'json' };
import openai from './prices/openai.json' with { type: 'json' };
import openrouter from './prices/openrouter.json' with { type: 'json' };
import qwen from './prices/qwen.json' with { type: 'json' };
import replicate from './prices/replicate.json' with { type: 'json' };
import together from './prices/together.json' with { type: 'json' };
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
    local,
  ] as unknown[],
};
