//! Ranks a collection for a long question.
//!
//! First every article is scored by what the question and its sentences say. Then two hops are made from
//! the procedures that fit best: to procedures of like meaning, and to those that look up what they need (the
//! identifiers they name). Articles about a subject that the question names gain, and most of all the one that
//! introduces it. Scores are standard scores among the articles in scope, so the weights below mean standard
//! deviations, whatever the embedder.

use std::collections::{HashMap, HashSet};

use super::titles::words;
use super::{Outline, unit};
use crate::embedding::similarity;
use crate::knowledge::rank::RRF_K;
use crate::knowledge::views::View;
use crate::knowledge::{Audience, Hit, Scope, SparseVector};

/// Share of likeness of meaning in the score of a passage; the rest is BM25.
const MEANING: f32 = 0.7;
/// How many sentences the question as a whole counts for.
const WHOLE: f32 = 3.0;
/// What a title counts whose words are all in the question, for procedures and for other articles.
const TITLE_OF_PROCEDURE: f32 = 0.5;
const TITLE: f32 = 0.25;
/// What it counts that the question names the subject; for the introduction of the subject once more.
const NAMED: f32 = 1.0;
/// What it counts to introduce a subject.
const INTRODUCES: f32 = 1.0;
/// Procedures that hops start from.
const STARTS: usize = 4;
/// What likeness to them counts for other procedures.
const ALIKE: f32 = 0.5;
/// Look-ups that a hop reaches, at most, and their score: what they say counts less than what refers to them.
const LOOKUPS: usize = 4;
const LOOKUP: f32 = 4.0;
const LOOKUP_SAYS: f32 = 0.5;
const LOOKUP_REFERRED: f32 = 1.5;

/// An article in scope.
struct Seen {
    article: usize,
    procedure: bool,
    /// Its best passage, how well that fits, and the best likeness of meaning to any view.
    passage: usize,
    fit: f32,
}

impl Outline {
    /// The best passages for a question, the first view being all of it and the others its sentences; best first.
    /// First the best passage of each article, then the others.
    pub(super) fn rank(
        &self,
        text: &str,
        views: &[View],
        allowed: &Scope,
        limit: usize,
    ) -> Vec<Hit> {
        let visible: Vec<bool> = self
            .passages
            .iter()
            .map(|held| allowed.allows(&held.passage))
            .collect();
        let fits = self.fits(&spread(views), &visible);
        let seen = self.seen(&fits, &visible);
        let scores = self.scores(text, views, &seen);
        let mut order: Vec<(f32, usize)> = scores
            .into_iter()
            .zip(&seen)
            .map(|(score, seen)| (score, seen.passage))
            .collect();
        sort(&mut order);
        let first: HashSet<usize> = order.iter().map(|(_, passage)| *passage).collect();
        let mut others: Vec<(f32, usize)> = fits
            .iter()
            .copied()
            .enumerate()
            .filter(|(passage, _)| visible.get(*passage) == Some(&true) && !first.contains(passage))
            .map(|(passage, fit)| (fit, passage))
            .collect();
        sort(&mut others);
        let best = order.into_iter().chain(others).take(limit);
        best.enumerate()
            .filter_map(|(place, (_, passage))| self.hit(place, passage, views))
            .collect()
    }

    /// The score has the scale of a fused search, where the best is first in both lists.
    fn hit(&self, place: usize, passage: usize, views: &[View]) -> Option<Hit> {
        let held = self.passages.get(passage)?;
        let alike = views
            .iter()
            .map(|view| similarity(&view.dense, &held.dense));
        Some(Hit {
            passage: held.passage.clone(),
            score: 2.0 / (RRF_K + 1.0 + place as f32),
            similarity: alike.fold(-1.0, f32::max),
        })
    }

    /// How well each visible passage fits: the quadratic mean over views, so that a sentence that it answers
    /// well counts more than many that it answers a little.
    fn fits(&self, views: &[View], visible: &[bool]) -> Vec<f32> {
        let mut sums = vec![0.0_f32; self.passages.len()];
        for (number, view) in views.iter().enumerate() {
            let weight = if number == 0 { WHOLE } else { 1.0 };
            let by_words = self.by_words(&view.sparse, visible);
            for (((sum, held), by_words), visible) in sums
                .iter_mut()
                .zip(&self.passages)
                .zip(by_words)
                .zip(visible)
            {
                if *visible {
                    let meaning = similarity(&view.dense, &held.dense);
                    let fit = (MEANING * meaning + (1.0 - MEANING) * by_words).max(0.0);
                    *sum += weight * fit * fit;
                }
            }
        }
        sums.into_iter().map(f32::sqrt).collect()
    }

    /// BM25 of each visible passage, the best being 1.
    fn by_words(&self, query: &SparseVector, visible: &[bool]) -> Vec<f32> {
        let mut scores = vec![0.0_f32; self.passages.len()];
        for (word, weight) in query.indices.iter().zip(&query.values) {
            let Some((rarity, with)) = self.words.get(word) else {
                continue;
            };
            for (passage, in_passage) in with {
                if let (Some(score), Some(true)) = (scores.get_mut(*passage), visible.get(*passage))
                {
                    *score += weight * rarity * in_passage;
                }
            }
        }
        let best = scores.iter().copied().fold(0.0, f32::max);
        if best > 0.0 {
            scores.iter_mut().for_each(|score| *score /= best);
        }
        scores
    }

    fn seen(&self, fits: &[f32], visible: &[bool]) -> Vec<Seen> {
        let mut seen: Vec<Seen> = Vec::new();
        let mut agents_only = true;
        for (number, ((held, fit), visible)) in
            self.passages.iter().zip(fits).zip(visible).enumerate()
        {
            if !visible {
                continue;
            }
            let internal = held.passage.audience == Audience::Agent;
            agents_only &= internal;
            // Passages stand in the order of their articles.
            match seen.last_mut().filter(|last| last.article == held.article) {
                Some(last) if *fit > last.fit => (last.passage, last.fit) = (number, *fit),
                Some(_) => {}
                None => seen.push(Seen {
                    article: held.article,
                    procedure: internal,
                    passage: number,
                    fit: *fit,
                }),
            }
        }
        // Where everything is for agents, the audience tells nothing about an article.
        if agents_only {
            seen.iter_mut().for_each(|seen| seen.procedure = false);
        }
        seen
    }

    fn scores(&self, text: &str, views: &[View], seen: &[Seen]) -> Vec<f32> {
        let says = standard(seen.iter().map(|seen| seen.fit).collect());
        let asked = views.first().map(|view| view.sparse.indices.as_slice());
        let asked: HashSet<u32> = asked.unwrap_or_default().iter().copied().collect();
        let titles = standard(
            seen.iter()
                .map(|seen| self.title_in(seen, &asked))
                .collect(),
        );
        let first: Vec<f32> = says
            .iter()
            .zip(&titles)
            .map(|(says, title)| says + TITLE_OF_PROCEDURE * title)
            .collect();
        let starts = starts(seen, &first);
        let alike = self.alike(seen, &starts);
        let named = self.names.named(&words(text));
        let mut scores = Vec::with_capacity(seen.len());
        for (place, seen) in seen.iter().enumerate() {
            let of = |values: &[f32]| values.get(place).copied().unwrap_or_default();
            scores.push(if seen.procedure {
                of(&first) + ALIKE * of(&alike)
            } else {
                of(&says) + TITLE * of(&titles) + self.subject(seen.article, &named)
            });
        }
        for (place, referred) in self.referred(seen, &starts) {
            if let (Some(score), Some(says)) = (scores.get_mut(place), says.get(place)) {
                *score = LOOKUP + LOOKUP_SAYS * says + LOOKUP_REFERRED * referred;
            }
        }
        scores
    }

    /// Share of the title's words that were asked for, by rarity.
    fn title_in(&self, seen: &Seen, asked: &HashSet<u32>) -> f32 {
        let title = self.articles.get(seen.article).map(|a| a.title.as_slice());
        let (mut found, mut all) = (0.0, 0.0);
        for (word, rarity) in title.unwrap_or_default() {
            all += rarity;
            found += if asked.contains(word) { *rarity } else { 0.0 };
        }
        if all > 0.0 { found / all } else { 0.0 }
    }

    fn subject(&self, article: usize, named: &HashSet<usize>) -> f32 {
        let Some(article) = self.articles.get(article) else {
            return 0.0;
        };
        let is_named = article
            .subject
            .is_some_and(|subject| named.contains(&subject));
        let named = if is_named { NAMED } else { 0.0 };
        named
            + if article.introduces {
                INTRODUCES + named
            } else {
                0.0
            }
    }

    /// How like the starting procedures each article is, 0 being the mean of procedures.
    fn alike(&self, seen: &[Seen], starts: &[(usize, f32)]) -> Vec<f32> {
        let meaning = |place: usize| {
            let article = seen
                .get(place)
                .and_then(|seen| self.articles.get(seen.article));
            article.map_or(&[][..], |article| article.meaning.as_slice())
        };
        let mut centre = vec![0.0; starts.first().map_or(0, |(place, _)| meaning(*place).len())];
        for (place, weight) in starts {
            let add = |(sum, value): (&mut f32, &f32)| *sum += weight * value;
            centre.iter_mut().zip(meaning(*place)).for_each(add);
        }
        let all = (0..seen.len()).map(|place| similarity(&centre, meaning(place)));
        let mut alike = standard(all.collect());
        let procedures = seen.iter().zip(&alike).filter(|(seen, _)| seen.procedure);
        let (sum, count) = procedures.fold((0.0, 0.0), |(sum, count), (_, alike)| {
            (sum + alike, count + 1.0)
        });
        if count > 0.0 {
            alike.iter_mut().for_each(|alike| *alike -= sum / count);
        }
        alike
    }

    /// The look-ups that the starting procedures refer to, and how much: standard scores among look-ups.
    fn referred(&self, seen: &[Seen], starts: &[(usize, f32)]) -> Vec<(usize, f32)> {
        let mut shares: HashMap<usize, f32> = HashMap::new();
        for (place, weight) in starts {
            let from = seen
                .get(*place)
                .map(|seen| self.references.from(seen.article));
            for (article, share) in from.unwrap_or_default() {
                *shares.entry(article).or_default() += weight * share;
            }
        }
        let looks_up = |seen: &Seen| {
            seen.procedure
                && self
                    .articles
                    .get(seen.article)
                    .is_some_and(|article| article.looks_up)
        };
        let places: Vec<usize> = seen
            .iter()
            .enumerate()
            .filter(|(_, seen)| looks_up(seen))
            .map(|(place, _)| place)
            .collect();
        let share = |place: &usize| {
            let article = seen.get(*place).map(|seen| seen.article);
            article
                .and_then(|article| shares.get(&article))
                .copied()
                .unwrap_or_default()
        };
        let all: Vec<f32> = places.iter().map(share).collect();
        let mut referred: Vec<(f32, usize)> = standard(all.clone())
            .into_iter()
            .zip(all)
            .zip(places)
            .filter(|((_, share), _)| *share > 0.0)
            .map(|((score, _), place)| (score, place))
            .collect();
        sort(&mut referred);
        referred.truncate(LOOKUPS);
        referred
            .into_iter()
            .map(|(score, place)| (place, score))
            .collect()
    }
}

/// The views with a first one that stands for all of them: an embedder reads a long question only as far as its
/// window goes, so half of that view is the mean of the sentences.
fn spread(views: &[View]) -> Vec<View> {
    let mut views = views.to_vec();
    if let Some((whole, sentences)) = views.split_first_mut()
        && !sentences.is_empty()
    {
        let mut mean = vec![0.0; whole.dense.len()];
        for sentence in sentences.iter() {
            let add = |(sum, value): (&mut f32, &f32)| *sum += value;
            mean.iter_mut().zip(&sentence.dense).for_each(add);
        }
        let both = unit(mean).into_iter().zip(&whole.dense);
        whole.dense = unit(both.map(|(mean, own)| mean + own).collect());
    }
    views
}

/// The procedures that fit best, with weights that sum to 1.
fn starts(seen: &[Seen], scores: &[f32]) -> Vec<(usize, f32)> {
    let mut best: Vec<(f32, usize)> = seen
        .iter()
        .zip(scores)
        .enumerate()
        .filter(|(_, (seen, _))| seen.procedure)
        .map(|(place, (_, score))| (*score, place))
        .collect();
    sort(&mut best);
    best.truncate(STARTS);
    let top = best.first().map_or(0.0, |(score, _)| *score);
    let sum: f32 = best.iter().map(|(score, _)| (score - top).exp()).sum();
    best.into_iter()
        .map(|(score, place)| (place, (score - top).exp() / sum))
        .collect()
}

/// Best first, ties by place.
fn sort(scored: &mut [(f32, usize)]) {
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
}

/// Standard scores: mean 0, deviation 1; all 0 where the values are all the same.
fn standard(mut values: Vec<f32>) -> Vec<f32> {
    let count = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / count;
    let variance = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f32>()
        / count;
    let deviation = variance.sqrt();
    for value in &mut values {
        *value = if deviation > 1e-9 {
            (*value - mean) / deviation
        } else {
            0.0
        };
    }
    values
}
