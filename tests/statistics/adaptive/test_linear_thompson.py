from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
from scipy import special

from abtesting.statistics.adaptive.linear_thompson import (
    LinearRewards,
    contextual_shares,
    linear_posterior,
)
from abtesting.statistics.types import NotEnoughData


def data(rng, n=200, coefficients=(1.0, -0.5, 2.0)):
    contexts = np.column_stack([np.ones(n), rng.normal(size=(n, len(coefficients) - 1))])
    return contexts, contexts @ coefficients + rng.normal(size=n)


def test_batches_add_up_to_all_units():
    x, y = data(np.random.default_rng(1))
    whole = LinearRewards.from_batch(x, y)
    parts = sum(
        (LinearRewards.from_batch(x[i::3], y[i::3]) for i in range(3)), LinearRewards.zero(3)
    )
    assert np.array(parts.gram) == pytest.approx(np.array(whole.gram))
    assert parts.products == pytest.approx(whole.products)
    assert parts.squares == pytest.approx(whole.squares)
    assert parts.num_units == 200


def test_posterior_is_the_conjugate_one():
    x, y = data(np.random.default_rng(2))
    posterior = linear_posterior(
        LinearRewards.from_batch(x, y), prior_variance=4.0, noise_variance=2.0
    )
    precision = x.T @ x / 2.0 + np.eye(3) / 4.0
    assert posterior.coefficients == pytest.approx(np.linalg.solve(precision, x.T @ y / 2.0))
    assert np.array(posterior.covariance) == pytest.approx(np.linalg.inv(precision))


def test_noise_is_the_residual_mean_square_of_least_squares():
    x, y = data(np.random.default_rng(3))
    fitted, squares, *_ = np.linalg.lstsq(x, y, rcond=None)
    posterior = linear_posterior(LinearRewards.from_batch(x, y), prior_variance=1e12)
    assert posterior.noise_variance == pytest.approx(squares[0] / 197)
    assert posterior.coefficients == pytest.approx(fitted, rel=1e-6)


def test_shares_depend_on_the_context_and_are_those_of_drawing():
    rng = np.random.default_rng(4)
    posteriors = [
        linear_posterior(
            LinearRewards.from_batch(*data(rng, 40, coefficients)),
            prior_variance=10.0,
            noise_variance=1.0,
        )
        for coefficients in [(0.0, 0.3), (0.1, 0.0), (0.0, -0.3)]
    ]
    for context in ([1.0, 2.0], [1.0, -2.0], [1.0, 0.0]):
        draws = np.array(
            [rng.multivariate_normal(p.coefficients, p.covariance, 40_000) for p in posteriors]
        )
        expected = np.bincount((draws @ context).argmax(axis=0), minlength=3) / 40_000
        allocation = contextual_shares(posteriors, context)
        assert allocation.shares == pytest.approx(expected, abs=0.012)
        floored = contextual_shares(posteriors, context, floor=0.1)
        assert min(floored.shares) >= 0.1


def test_two_variants_have_a_closed_form():
    rng = np.random.default_rng(5)
    first, second = (
        linear_posterior(LinearRewards.from_batch(*data(rng)), prior_variance=10.0)
        for _ in range(2)
    )
    x = np.array([1.0, 0.4, -1.2])
    gap = x @ np.array(second.coefficients) - x @ np.array(first.coefficients)
    variance = x @ (np.array(first.covariance) + np.array(second.covariance)) @ x
    shares = contextual_shares([first, second], x.tolist()).shares
    assert shares[1] == pytest.approx(special.ndtr(gap / np.sqrt(variance)), rel=1e-9)


def test_without_units_all_variants_are_alike():
    empty = linear_posterior(LinearRewards.zero(2), prior_variance=1.0, noise_variance=1.0)
    assert contextual_shares([empty] * 4, [1.0, 3.0]).shares == pytest.approx([0.25] * 4)


def test_the_state_is_plain_numbers():
    state = LinearRewards.from_batch(*data(np.random.default_rng(6)))
    assert LinearRewards(**json.loads(json.dumps(asdict(state)))).squares == state.squares


def test_noise_needs_more_units_than_columns():
    result = linear_posterior(LinearRewards.from_batch([[1.0, 2.0]], [1.0]), prior_variance=1.0)
    assert isinstance(result, NotEnoughData)
    assert result.code == "too_few_units"


def test_rewards_without_noise_give_no_posterior():
    x = np.column_stack([np.ones(9), np.arange(9.0)])
    result = linear_posterior(LinearRewards.from_batch(x, x @ [1, 2]), prior_variance=1.0)
    assert isinstance(result, NotEnoughData)
    assert result.code == "zero_variance"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: LinearRewards.from_batch([[1.0]], [1.0, 2.0]), "contexts has 1 units"),
        (lambda: LinearRewards.from_batch([[np.nan]], [1.0]), r"contexts\[0\]"),
        (lambda: LinearRewards.zero(1) + LinearRewards.zero(2), "1 and 2 columns"),
        (lambda: LinearRewards.zero(0), "k at least 1"),
        (lambda: linear_posterior(LinearRewards.zero(1), prior_variance=0), "prior_variance is 0"),
        (
            lambda: linear_posterior(LinearRewards.zero(1), prior_variance=1, noise_variance=-1),
            "noise_variance is -1",
        ),
        (
            lambda: linear_posterior(LinearRewards.zero(2), prior_variance=1, noise_variance=1).at(
                [1.0]
            ),
            "context has 1 numbers",
        ),
        (
            lambda: linear_posterior(LinearRewards.zero(2), prior_variance=1, noise_variance=1).at(
                [0.0, 0.0]
            ),
            "all 0",
        ),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
