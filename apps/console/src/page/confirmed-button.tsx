import { useSignal } from '@preact/signals';
import { type ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';

interface Props {
  readonly label: string;
  /** For whoever hears one of several buttons of this name; begins with the label. */
  readonly name?: string;
  /** What will happen, as a question. */
  readonly question: string;
  readonly yes: string;
  readonly isBad?: boolean;
  readonly disabled?: boolean;
  readonly act: () => void;
  /** When the dialog has gone, whatever was answered. */
  readonly closed?: () => void;
  /** What has to be filled in before. */
  readonly children?: ComponentChildren;
  readonly isReady?: boolean;
}

/** A button that asks back, in a dialog of the browser's own: it keeps the focus in it, and Escape means no. */
export function ConfirmedButton(props: Props) {
  const { label, name, question, yes, isBad = false, disabled = false, act, closed, children, isReady = true } = props;
  const isOpen = useSignal(false);
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    if (isOpen.value && dialog.current?.open === false) dialog.current.showModal();
  }, [isOpen.value]);
  return (
    <>
      <button
        type="button"
        class={isBad ? 'bad' : undefined}
        aria-label={name}
        aria-haspopup="dialog"
        aria-disabled={disabled}
        onClick={() => {
          // It keeps the focus: whoever has confirmed by the keyboard is still here.
          if (!disabled) isOpen.value = true;
        }}
      >
        {label}
      </button>
      {isOpen.value && (
        <dialog
          ref={dialog}
          aria-labelledby={id}
          onClose={() => {
            isOpen.value = false;
            closed?.();
          }}
        >
          <form
            onSubmit={(event) => {
              event.preventDefault();
              dialog.current?.close();
              act();
            }}
          >
            <p id={id}>{question}</p>
            {children}
            <div class="buttons">
              <button type="button" onClick={() => dialog.current?.close()}>
                No, leave it
              </button>
              <button type="submit" class={isBad ? 'bad' : 'main'} disabled={!isReady}>
                {yes}
              </button>
            </div>
          </form>
        </dialog>
      )}
    </>
  );
}
