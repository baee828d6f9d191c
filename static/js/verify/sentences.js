// What an entry says, in the sentence that the docket has for it. `facts` holds all sentences, each with what the fields
// of an entry must be for it. Offers and proposals are counted from 1 for people.
export function sentenceOf(facts, { type, data }) {
  const variants = [...facts.querySelectorAll(`[data-type="${CSS.escape(type)}"]`)];
  const fits = (line) => Object.entries(JSON.parse(line.dataset.fields)).every(([name, value]) => data[name] === value);
  const said = variants.find(fits) ?? facts.querySelector('[data-type=""]');
  const counted = data.offer ?? data.proposal;
  const places = { ...data, type, place: Number.isInteger(counted) ? counted + 1 : "" };
  return said.textContent.replace(/%\((\w+)\)s/g, (_whole, name) => String(places[name] ?? ""));
}
