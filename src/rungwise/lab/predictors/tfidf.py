"""Do words and pairs of words tell? TF-IDF and logistic regression, the textbook's way."""

from __future__ import annotations

from rungwise.lab.calibration.readings import Floats
from rungwise.lab.predictors.candidate import Scores, Side, gains
from rungwise.lab.predictors.logistic import fit_linear

__all__ = ["tfidf"]

MOST_WORDS = 50_000


def tfidf(known: Side) -> Scores:
    """P(right) of either model, and their difference."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectors = TfidfVectorizer(
        ngram_range=(1, 2), sublinear_tf=True, min_df=2, max_features=MOST_WORDS
    )
    features = vectors.fit_transform(known.own_texts)
    weak, strong = (
        fit_linear(features, known.right[:, tier], known.weight, freedom=1.0) for tier in (0, 1)
    )

    def scores(side: Side) -> Floats:
        told = vectors.transform(side.own_texts)
        return gains(weak.of(told), strong.of(told))

    return scores
