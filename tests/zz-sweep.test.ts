import { test } from 'vitest';
import { appendFileSync, readFileSync } from 'node:fs';
import { startGateway } from '/work/main/tests/support/gateway.ts';
import { wav, png } from '/work/main/providers/simulators/media/index.ts';
const models = JSON.parse(readFileSync('/work/main/config/models.json','utf8')).models;
test('sweep', { timeout: 400000 }, async () => {
  const g = await startGateway();
  const post = async (path: string, body: any) => { const r = await fetch(g.url+path,{method:'POST',headers:{authorization:`Bearer ${g.appKey}`,'content-type':'application/json'},body:JSON.stringify(body)}); return [r.status, await r.json()] as any; };
  const image = 'data:image/png;base64,'+Buffer.from(png({width:1024,height:1024,seed:'a'})).toString('base64');
  for (const m of models.filter((m: any)=>!['text','embedding','transcription'].includes(m.modality))) {
    const bodies: any[] = [{}];
    if (m.input?.includes('image')) bodies.push({ images: [image] });
    if (m.modality==='video') for (const r of m.capabilities?.resolutions ?? []) bodies.push({ resolution: r, seconds: m.capabilities?.seconds?.min, ...(m.id.includes('image-to-video')||m.id.includes('gen4_turbo')?{images:[image]}:{}) });
    if (m.modality==='image') for (const s of (Array.isArray(m.capabilities?.sizes)?m.capabilities.sizes.slice(0,4):['2048x2048','1024x1024'])) bodies.push({ size: s });
    for (const extra of bodies) {
      const body = { model: m.id, modality: m.modality, input: 'a fox in the snow, running', wait: 60, ...extra };
      const [qs, q] = await post('/v1/quote', body);
      const [s, b] = await post('/v1/generations', body);
      const c = q.candidates?.[0]; const total = b.receipt?.total;
      const inside = c && c.min!=null && total!=null ? (Number(total)>=Number(c.min)-1e-12 && (c.max==null || Number(total)<=Number(c.max)+1e-12)) : 'n/a';
      const { images, ...shown } = extra;
      appendFileSync('/tmp/sweep.txt', `${inside===true?'ok ':'?? '} ${m.id} ${JSON.stringify({...shown,...(images?{images:1}:{})})} quote ${qs} ${c?`${c.min}/${c.expected}/${c.max} ${c.status}`:JSON.stringify(q.error?.message)} got ${s} ${total} ${b.receipt?.status} ${b.receipt?.basis} ${JSON.stringify((b.receipt?.lines??[]).map((l:any)=>[l.meter,l.quantity,l.dims,l.amount]))} ${b.error?.message??''} ${JSON.stringify(b.degradations??[])}\n`);
    }
  }
  await g.close();
});
