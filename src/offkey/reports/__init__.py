"""Figures, tables and pages, from tables on disk only: no sound and no detector in here.

One file per figure family (``plot_x(table) -> Figure``); :mod:`publishing` writes a figure in both
themes with its table; :mod:`pages` and :mod:`index` write what a reader opens.
"""

from offkey.reports.attention import (
    deletion_sentences,
    plot_attention,
    plot_attention_profile,
    plot_deletion,
    with_verdicts,
)
from offkey.reports.cards import write_card
from offkey.reports.conclusion_sentences import conclusions, world_sentences
from offkey.reports.confusion import confusion_counts, plot_confusion
from offkey.reports.decoder_lines import plot_family_lines, plot_movement, plot_weights
from offkey.reports.detectors import plot_agreement, plot_detectors, relative_table
from offkey.reports.difference_intervals import drop_table, gain_table, plot_forest
from offkey.reports.differences import difference_table, family_note
from offkey.reports.dose import plot_dose, plot_dose_families
from offkey.reports.edit_accuracy import plot_edit_accuracy
from offkey.reports.faults import plot_faults
from offkey.reports.forgetting import plot_forgetting
from offkey.reports.generators import called_ai, plot_generators
from offkey.reports.histograms import plot_histograms, score_bins
from offkey.reports.history import plot_history
from offkey.reports.mean_histograms import bin_table, plot_bins
from offkey.reports.notebook_cleaning import clean_notebook, scrub
from offkey.reports.pages import notebook_page, question_of, results_index, study_index
from offkey.reports.publishing import publish, show_sentences, show_table
from offkey.reports.regimes import plot_regimes
from offkey.reports.reliability import plot_reliability, reliability_bins
from offkey.reports.score_intervals import level_table, plot_levels
from offkey.reports.severity import plot_severity
from offkey.reports.shortcuts import plot_clues
from offkey.reports.spectrogram import mel_table, plot_spectrogram, plot_waveforms, wave_table
from offkey.reports.tables import comparable, headline, main_variants, over_seeds, per_variant
from offkey.reports.threshold import plot_threshold, threshold_table
from offkey.reports.verdict_cards import verdict_card, verdict_table
from offkey.reports.words import edit_name, formatted, regime_name

__all__ = [
    "bin_table",
    "called_ai",
    "clean_notebook",
    "comparable",
    "conclusions",
    "confusion_counts",
    "deletion_sentences",
    "difference_table",
    "drop_table",
    "edit_name",
    "family_note",
    "formatted",
    "gain_table",
    "headline",
    "level_table",
    "main_variants",
    "mel_table",
    "notebook_page",
    "over_seeds",
    "per_variant",
    "plot_agreement",
    "plot_attention",
    "plot_attention_profile",
    "plot_bins",
    "plot_clues",
    "plot_confusion",
    "plot_deletion",
    "plot_detectors",
    "plot_dose",
    "plot_dose_families",
    "plot_edit_accuracy",
    "plot_family_lines",
    "plot_faults",
    "plot_forest",
    "plot_forgetting",
    "plot_generators",
    "plot_histograms",
    "plot_history",
    "plot_levels",
    "plot_movement",
    "plot_regimes",
    "plot_reliability",
    "plot_severity",
    "plot_spectrogram",
    "plot_threshold",
    "plot_waveforms",
    "plot_weights",
    "publish",
    "question_of",
    "regime_name",
    "relative_table",
    "reliability_bins",
    "results_index",
    "score_bins",
    "scrub",
    "show_sentences",
    "show_table",
    "study_index",
    "threshold_table",
    "verdict_card",
    "verdict_table",
    "wave_table",
    "with_verdicts",
    "world_sentences",
    "write_card",
]
